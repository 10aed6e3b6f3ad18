#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod provision;
mod schema;
mod workflow;

pub use provision::{
    ActError, Event, Home, InvalidEvent, Phase, ProvisionError, ProvisionRequest, Provisioner,
    Provisioning, Refusal, Rejected, Resumed,
};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use schema::Upgrade;
#[cfg(feature = "postgres")]
pub use schema::upgrade_postgres;
#[cfg(feature = "sqlite")]
pub use schema::upgrade_sqlite;
pub use schema::{
    Applied, AppliedState, Checksum, Database, Doing, InvalidSchema, Schema, SchemaError, Sql,
    Version,
};
pub use tenancy_types::{InvalidRequestKey, RequestKey};
#[cfg(feature = "sqlite")]
pub use workflow::SqliteJournal;
#[cfg(feature = "test-util")]
pub use workflow::journal_conformance;
pub use workflow::{Entry, Journal, JournalError, MemoryJournal};
