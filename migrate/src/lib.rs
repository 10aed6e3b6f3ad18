#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "core")]
mod archive;
mod provision;
mod purge;
mod schema;
mod table_counts;
#[cfg(feature = "core")]
mod tenant_rows;
mod workflow;

#[cfg(feature = "core")]
pub use archive::{
    Archive, ArchiveError, ArchiveManifest, ArchivedTable, Export, ExportedArchive, Flaw, export,
};
pub use provision::{
    ActError, Event, Home, InvalidEvent, Phase, ProvisionError, ProvisionRequest, Provisioner,
    Provisioning, Refusal, Rejected, Resumed,
};
pub use purge::{
    Deletion, Fitness, InvalidPurgeEvent, NotEmpty, PurgeError, PurgeEvent, PurgePhase,
    PurgeReceipt, PurgeRejected, PurgeRequest, Purged, Purger, Purging, Then,
};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use schema::Upgrade;
#[cfg(feature = "sqlite")]
pub use schema::upgrade_sqlite;
pub use schema::{
    Applied, AppliedState, Checksum, Database, Doing, InvalidSchema, Schema, SchemaError, Sql,
    Version,
};
#[cfg(feature = "postgres")]
pub use schema::{applied_postgres, upgrade_postgres};
pub use table_counts::{InvalidTableCounts, TableCounts};
pub use tenancy_types::{InvalidRequestKey, RequestKey};
#[cfg(feature = "core")]
pub use tenant_rows::{count_rows, delete_rows};
#[cfg(feature = "sqlite")]
pub use workflow::SqliteJournal;
#[cfg(feature = "test-util")]
pub use workflow::journal_conformance;
pub use workflow::{Entry, Journal, JournalError, MemoryJournal};
