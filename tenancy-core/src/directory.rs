//! The authority on tenants, domains, cells and placements.
//!
//! A [`Directory`] changes by compare-and-set and keeps a change log: every effect of an operation is one
//! [`LogEntry`](tenancy_types::LogEntry) of a rising [`Revision`](tenancy_types::Revision), written in the
//! transaction that made the change. It belongs to the control plane: no request waits for it. Route tables
//! follow its log ([`snapshot`](Directory::snapshot), then [`changes`](Directory::changes)) and answer from
//! memory.
//!
//! | implementation | feature | for |
//! | --- | --- | --- |
#![cfg_attr(
    feature = "memory",
    doc = "| [`MemoryDirectory`] | `memory` | tests, examples, platforms made anew at each start |"
)]
#![cfg_attr(
    feature = "sqlite",
    doc = "| [`SqliteDirectory`] | `sqlite` | one control process with a file |"
)]
#![cfg_attr(
    feature = "postgres",
    doc = "| [`PostgresDirectory`] | `postgres` | several control processes, and platforms of millions of tenants |"
)]
//!
//! What every implementation must do is written down as code: the cases of `directory::conformance`
//! (feature `test-util`).
//!
//! # Consistency
//! * An operation happens wholly or not at all, and what was acknowledged is in the log.
//! * A slug or a domain leads to at most one living tenant on the whole platform; of two claims at once
//!   exactly one wins.
//! * Ids are dense and never reused, also after a tenant is gone.
//! * Dropping the future of `create`, `change` or `put_cell` leaves open whether it happened, never half of
//!   it: ask again with the same request key, or read the tenant's revision.

mod any;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod chunks;
#[cfg(feature = "test-util")]
pub mod conformance;
#[cfg(any(feature = "memory", feature = "postgres"))]
mod decide;
mod error;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod event;
mod extent;
#[cfg(any(feature = "memory", feature = "postgres"))]
mod follow;
mod import;
mod lag;
#[cfg(any(feature = "memory", feature = "postgres"))]
mod load;
#[cfg(feature = "memory")]
mod memory;
mod page;
mod port;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(any(feature = "memory", feature = "postgres"))]
mod random;
mod record;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod row;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use any::AnyDirectory;
pub use error::DirectoryError;
pub use extent::Extent;
pub use import::{Import, Imports, Loaded};
pub use lag::Lag;
#[cfg(feature = "memory")]
pub use memory::MemoryDirectory;
pub use page::Page;
pub use port::{Directory, Snapshot};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresDirectory, PostgresDirectoryOptions};
pub use record::{CellLoad, CellRecord, NewTenant, Tenant, TenantChange};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteDirectory;
pub use tenancy_types::{DirectoryId, InvalidDirectoryId};
