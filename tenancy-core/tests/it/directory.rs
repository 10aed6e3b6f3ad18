//! The directories: the conformance suite, agreement with a model, and what only a file can lose.

mod agreement;
mod kill;
mod model;
#[cfg(feature = "postgres")]
mod postgres;
mod sqlite;

use futures_core::stream::BoxStream;
use tempfile::TempDir;
use tenancy_core::{
    directory::{
        CellRecord, Directory, DirectoryError, MemoryDirectory, NewTenant, SqliteDirectory,
    },
    types::{CellId, DomainName, LogEntry, ManualClock, Revision},
};

mod memory_conforms {
    tenancy_core::directory_conformance!(super::in_memory());
}

mod sqlite_conforms {
    tenancy_core::directory_conformance!(super::in_a_file());
}

#[cfg(feature = "postgres")]
mod postgres_conforms {
    tenancy_core::directory_conformance!(super::in_a_database());
}

#[cfg(feature = "postgres")]
async fn in_a_database() -> (tenancy_core::directory::PostgresDirectory, ()) {
    (postgres::open(&postgres::database().url()).await, ())
}

async fn in_memory() -> (MemoryDirectory, ()) {
    (MemoryDirectory::new(ManualClock::default()), ())
}

async fn in_a_file() -> (SqliteDirectory, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (open(&folder).await, folder)
}

async fn open(folder: &TempDir) -> SqliteDirectory {
    let path = folder.path().join("directory.sqlite");
    SqliteDirectory::open(path, ManualClock::default())
        .await
        .unwrap()
}

fn cell(id: u16) -> CellId {
    CellId::new(id).unwrap()
}

fn domain(name: &str) -> DomainName {
    DomainName::from_normalised(name).unwrap()
}

async fn put_cell(directory: &impl Directory, id: u16, capacity: u32) {
    let record = CellRecord {
        cell: cell(id),
        region: "eu".parse().unwrap(),
        capacity,
    };
    directory.put_cell(record).await.unwrap();
}

/// The present log behind a revision.
async fn log_behind(
    directory: &impl Directory,
    after: Revision,
) -> BoxStream<'static, Result<LogEntry, DirectoryError>> {
    let end = directory.newest().await.unwrap();
    directory.changes(end.at(after))
}

/// A request for the `n`th shop, with a domain of its own.
fn shop(n: u32) -> NewTenant {
    NewTenant {
        request: format!("request {n}").parse().unwrap(),
        slug: format!("shop-{n}").parse().unwrap(),
        plan: "basic".parse().unwrap(),
        region: None,
        domains: vec![domain(&format!("shop-{n}.example"))],
        cell: cell(1),
    }
}
