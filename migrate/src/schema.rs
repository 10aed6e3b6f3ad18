//! The schema of a cell: versions in order, applied each in a transaction of its own and journalled there.
//!
//! The decision ([`Schema::pending`]) is pure; the shells carry it out, one a database. Each turn of a shell
//! is one transaction: it takes the lock that keeps other runners out, reads the journal, applies the first
//! version that is missing and writes its journal row. So there is no state but the journal, and wherever a
//! runner dies, the next one finds either the whole version or nothing of it.

mod checksum;
mod error;
mod pending;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod runner;
#[cfg(feature = "sqlite")]
mod sqlite;
mod version;

pub use checksum::Checksum;
pub use error::{Doing, InvalidSchema, SchemaError};
pub use pending::{Applied, AppliedState};
#[cfg(feature = "postgres")]
pub use postgres::{applied_postgres, upgrade_postgres};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub use runner::Upgrade;
#[cfg(feature = "sqlite")]
pub use sqlite::upgrade_sqlite;
pub use version::{Database, Schema, Sql, Version};
