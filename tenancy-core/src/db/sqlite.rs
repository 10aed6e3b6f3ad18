//! A cell in a file.

mod driver;
mod lock;
mod pool;
mod schema;
mod scrub;
#[cfg(test)]
mod tests;

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use tenancy_types::TenantId;

use self::{lock::CellLock, pool::Pool};
use super::{CellOptions, DbError, Drain, OpenError, TenantTx, fence, reaper::Reaper, survey};
use crate::{
    Access, Manifest, TenantContext,
    manifest::sqlite::{reader_setup, writer_setup},
    protocol::{Fence, FenceEvent},
};

pub use schema::SchemaFinding;

/// How long a writer waits for a lock that somebody outside the cell holds, such as a tool at the file.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// A cell whose tenants' rows are in one SQLite file. A cheap handle; clones are the same cell.
///
/// Many readers and one writer, in WAL mode. What is deleted is overwritten. Each commit is synced to the disk (`synchronous = FULL`):
/// what was acknowledged, and a fence above all, survives a loss of power.
#[derive(Clone, Debug)]
pub struct SqliteCell(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    options: CellOptions,
    reaper: Reaper,
    readers: Arc<Pool>,
    writer: Arc<Pool>,
    /// Reads past the views, for the platform's own questions about all tenants; opened by the first.
    surveyor: Arc<Pool>,
    _lock: CellLock,
}

impl SqliteCell {
    /// Opens the file, which is made when it does not exist, for this process alone.
    ///
    /// The schema must be the manifest's; migrations run before. Each connection builds its views and
    /// triggers from the schema that it finds, so after a migration the cell is opened anew.
    ///
    /// # Errors
    /// [`OpenError`]: another process has the file, the schema differs, the file is of a newer version, or
    /// SQLite cannot open it.
    pub async fn open(
        path: impl Into<PathBuf>,
        manifest: &Manifest,
        options: CellOptions,
    ) -> Result<Self, OpenError> {
        let path = path.into();
        let lock = CellLock::take(&path)?;
        let write = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // Without it `INSERT OR REPLACE` deletes rows of others past the delete triggers.
            .pragma("recursive_triggers", "on")
            .busy_timeout(LOCK_WAIT)
            .pragma("temp_store", "memory")
            // What a purge deletes is overwritten in the file.
            .pragma("secure_delete", "on")
            .disable_statement_logging();
        schema::prepare(&write, manifest).await?;
        let read = SqliteConnectOptions::new()
            .filename(&path)
            .read_only(true)
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        let patience = options.patience();
        let readers = options.connections.get().into();
        Ok(Self(Arc::new(Inner {
            path,
            options,
            reaper: options.reaper(),
            surveyor: Pool::new(1, patience, read.clone(), String::new()),
            readers: Pool::new(readers, patience, read, reader_setup(manifest)),
            writer: Pool::new(1, patience, write, writer_setup(manifest)),
            _lock: lock,
        })))
    }

    /// The cell's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// A transaction of the context's tenant, which is committed by hand.
    #[must_use]
    pub fn begin<A: Access>(&self, ctx: &TenantContext<A>) -> TenantTx<sqlx::Sqlite, A> {
        TenantTx::new(self.clone(), ctx, self.0.options)
    }

    /// Changes a tenant's fence from what the caller expects, where `None` is no fence. Durable when it
    /// returns. Doing it twice does it once. It waits for its turn at the cell's one writer.
    ///
    /// # Errors
    /// [`DbError::Rejected`] when the protocol does not list the change, [`DbError::FenceChanged`] when the
    /// fence is another, [`DbError::Busy`] when its turn did not come in time.
    ///
    /// # Cancel safety
    /// When the future is dropped, the change may have happened or not; do it again.
    pub async fn change_fence(
        &self,
        tenant: TenantId,
        expected: Option<Fence>,
        event: FenceEvent,
    ) -> Result<Fence, DbError> {
        fence::change::<sqlx::Sqlite>(self, tenant, expected, event).await
    }

    /// Lets no new writer of the tenant in, and waits for the one that is open: sets the fence, unless it is
    /// set, and returns it when nobody writes to the tenant any more. It waits for its turn at the cell's one
    /// writer, and no longer than the cell lets anybody [wait](CellOptions::wait).
    ///
    /// # Errors
    /// [`DbError::WritersRemain`] when the writer was not free in time: nothing was changed. [`DbError::Rejected`]
    /// and [`DbError::FenceChanged`] as [`change_fence`](Self::change_fence).
    ///
    /// # Cancel safety
    /// When the future is dropped, the fence may be set or not; drain again, or release it. It lifts itself at
    /// its deadline.
    pub async fn drain(
        &self,
        tenant: TenantId,
        expected: Fence,
        drain: Drain,
    ) -> Result<Fence, DbError> {
        driver::drain(self, tenant, expected, drain).await
    }

    /// A tenant's fence, or `None` when the cell has none.
    ///
    /// # Errors
    /// [`DbError::Unreachable`], [`DbError::Busy`] or [`DbError::BadFence`].
    pub async fn fence(&self, tenant: TenantId) -> Result<Option<Fence>, DbError> {
        fence::read::<sqlx::Sqlite>(self, tenant).await
    }

    /// The fences of up to `limit` tenants with ids above `after`, in order.
    ///
    /// # Errors
    /// As [`fence`](Self::fence).
    pub async fn fences(
        &self,
        after: Option<TenantId>,
        limit: u32,
    ) -> Result<Vec<(TenantId, Fence)>, DbError> {
        fence::page::<sqlx::Sqlite>(self, after, limit).await
    }

    /// The tenants that this cell serves for writing and that `select` finds; see
    /// `CellDb::tenants_with`.
    ///
    /// # Errors
    /// As there.
    pub async fn tenants_with(
        &self,
        select: &'static str,
        values: &[i64],
        limit: NonZeroU32,
    ) -> Result<Vec<TenantId>, DbError> {
        survey::tenants::<sqlx::Sqlite>(self, select, values, limit).await
    }
}
