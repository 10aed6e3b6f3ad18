use sqlx::{Postgres, Sqlite};
use tenancy_types::TenantId;

use super::{CellRow, CellValue, DbError, TenantTx, TxStmt, text::Made};
use crate::{Access, ReadOnly, ReadWrite, protocol::Position};

/// A tenant's transaction in a cell of either database, for SQL that is written once.
///
/// An enum and no generic, so that it does not spread through an application's handlers, and cells of both
/// kinds can be served by one process.
#[derive(Debug)]
pub enum CellTx<A: Access> {
    /// In a Postgres cell.
    Postgres(TenantTx<Postgres, A>),
    /// In a SQLite cell.
    Sqlite(TenantTx<Sqlite, A>),
}

impl<A: Access> CellTx<A> {
    /// The tenant whose rows it sees.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::Postgres(tx) => tx.tenant(),
            Self::Sqlite(tx) => tx.tenant(),
        }
    }

    /// A statement in the common subset of both databases; parameters are written `$1`, `$2`, ….
    pub fn sql(&mut self, sql: &'static str) -> CellStmt<'_, A> {
        match self {
            Self::Postgres(tx) => CellStmt::Postgres(tx.sql(sql)),
            Self::Sqlite(tx) => CellStmt::Sqlite(tx.sql(sql)),
        }
    }

    /// A statement of this crate's own.
    pub(super) fn made(&mut self, made: Made) -> CellStmt<'_, A> {
        match self {
            Self::Postgres(tx) => CellStmt::Postgres(tx.made(made)),
            Self::Sqlite(tx) => CellStmt::Sqlite(tx.made(made)),
        }
    }

    /// Commits; see [`TenantTx::commit`].
    ///
    /// # Errors
    /// As [`TenantTx::commit`].
    pub async fn commit(self) -> Result<(), DbError> {
        match self {
            Self::Postgres(tx) => tx.commit().await,
            Self::Sqlite(tx) => tx.commit().await,
        }
    }

    /// Commits, and says where the tenant's rows have come to; see [`TenantTx::commit_position`]. `None` on SQLite,
    /// which has no replicas.
    ///
    /// # Errors
    /// As [`TenantTx::commit`].
    ///
    /// # Cancel safety
    /// As [`TenantTx::commit`].
    pub async fn commit_position(self) -> Result<Option<Position>, DbError> {
        match self {
            Self::Postgres(tx) => tx.commit_position().await,
            Self::Sqlite(tx) => tx.commit().await.map(|()| None),
        }
    }

    /// Rolls back and keeps the connection for others, where dropping closes it.
    pub async fn rollback(self) {
        match self {
            Self::Postgres(tx) => tx.rollback().await,
            Self::Sqlite(tx) => tx.rollback().await,
        }
    }
}

impl CellTx<ReadOnly> {
    /// May be answered by a replica that has come as far as `seen`; see [`TenantTx::after`]. On SQLite it changes
    /// nothing.
    #[must_use]
    pub fn after(self, seen: Position) -> Self {
        match self {
            Self::Postgres(tx) => Self::Postgres(tx.after(seen)),
            Self::Sqlite(tx) => Self::Sqlite(tx),
        }
    }
}

/// A statement of a [`CellTx`].
#[must_use = "a statement does nothing until it is run"]
#[derive(Debug)]
pub enum CellStmt<'t, A: Access> {
    /// For a Postgres cell.
    Postgres(TxStmt<'t, Postgres, A>),
    /// For a SQLite cell.
    Sqlite(TxStmt<'t, Sqlite, A>),
}

impl<A: Access> CellStmt<'_, A> {
    /// Binds the next parameter.
    pub fn bind<T: CellValue>(self, value: T) -> Self {
        match self {
            Self::Postgres(stmt) => Self::Postgres(stmt.bind(value)),
            Self::Sqlite(stmt) => Self::Sqlite(stmt.bind(value)),
        }
    }

    /// All rows.
    ///
    /// # Errors
    /// As [`TxStmt::all`].
    pub async fn all<R: CellRow>(self) -> Result<Vec<R>, DbError> {
        match self {
            Self::Postgres(stmt) => stmt.all().await,
            Self::Sqlite(stmt) => stmt.all().await,
        }
    }

    /// The first row, or none.
    ///
    /// # Errors
    /// As [`TxStmt::all`].
    pub async fn optional<R: CellRow>(self) -> Result<Option<R>, DbError> {
        match self {
            Self::Postgres(stmt) => stmt.optional().await,
            Self::Sqlite(stmt) => stmt.optional().await,
        }
    }

    /// The first row.
    ///
    /// # Errors
    /// As [`TxStmt::all`], and [`DbError::NoRow`].
    pub async fn one<R: CellRow>(self) -> Result<R, DbError> {
        match self {
            Self::Postgres(stmt) => stmt.one().await,
            Self::Sqlite(stmt) => stmt.one().await,
        }
    }
}

impl CellStmt<'_, ReadWrite> {
    /// Runs it and returns how many rows it changed.
    ///
    /// # Errors
    /// As [`TxStmt::all`].
    pub async fn run(self) -> Result<u64, DbError> {
        match self {
            Self::Postgres(stmt) => stmt.run().await,
            Self::Sqlite(stmt) => stmt.run().await,
        }
    }
}
