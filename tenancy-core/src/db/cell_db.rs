use std::num::NonZeroU32;

use tenancy_types::TenantId;

use super::{CellTx, DbError, Drain, PostgresCell, SqliteCell};
use crate::{
    Access, TenantContext,
    protocol::{Fence, FenceEvent},
};

/// A cell in either database. A cheap handle; clones are the same cell.
#[derive(Clone, Debug)]
pub enum CellDb {
    /// In a Postgres database.
    Postgres(PostgresCell),
    /// In a SQLite file.
    Sqlite(SqliteCell),
}

impl CellDb {
    /// A transaction of the context's tenant, which is committed by hand. [`scope`](Self::scope) is the
    /// usual door.
    #[must_use]
    pub fn begin<A: Access>(&self, ctx: &TenantContext<A>) -> CellTx<A> {
        match self {
            Self::Postgres(cell) => CellTx::Postgres(cell.begin(ctx)),
            Self::Sqlite(cell) => CellTx::Sqlite(cell.begin(ctx)),
        }
    }

    /// Runs work in a transaction of the context's tenant: commits when it is `Ok`, rolls back when not.
    ///
    /// # Errors
    /// The work's error, or a [`DbError`] of the commit.
    ///
    /// # Cancel safety
    /// Dropping the future rolls back, unless the commit had begun; then it may have happened or not.
    pub async fn scope<A, T, E>(
        &self,
        ctx: &TenantContext<A>,
        work: impl AsyncFnOnce(&mut CellTx<A>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        A: Access,
        E: From<DbError>,
    {
        let mut tx = self.begin(ctx);
        match work(&mut tx).await {
            Ok(value) => {
                tx.commit().await?;
                Ok(value)
            }
            Err(error) => {
                tx.rollback().await;
                Err(error)
            }
        }
    }

    /// Changes a tenant's fence from what the caller expects, where `None` is no fence. Durable when it
    /// returns. Doing it twice does it once.
    ///
    /// # Errors
    /// [`DbError::Rejected`] when the protocol does not list the change, [`DbError::FenceChanged`] when the
    /// fence is another.
    ///
    /// # Cancel safety
    /// When the future is dropped, the change may have happened or not; do it again.
    pub async fn change_fence(
        &self,
        tenant: TenantId,
        expected: Option<Fence>,
        event: FenceEvent,
    ) -> Result<Fence, DbError> {
        match self {
            Self::Postgres(cell) => cell.change_fence(tenant, expected, event).await,
            Self::Sqlite(cell) => cell.change_fence(tenant, expected, event).await,
        }
    }

    /// Lets no new writer of the tenant in, and waits for those that are open: sets the fence, unless it is
    /// set, and returns it when nobody writes to the tenant any more. See [`PostgresCell::drain`] and
    /// [`SqliteCell::drain`].
    ///
    /// # Errors
    /// [`DbError::WritersRemain`] when writers did not end in time, [`DbError::Prepared`] when nobody knows
    /// when they will; otherwise as [`change_fence`](Self::change_fence).
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
        match self {
            Self::Postgres(cell) => cell.drain(tenant, expected, drain).await,
            Self::Sqlite(cell) => cell.drain(tenant, expected, drain).await,
        }
    }

    /// A tenant's fence, or `None` when the cell has none.
    ///
    /// # Errors
    /// [`DbError::Unreachable`], [`DbError::Busy`] or [`DbError::BadFence`].
    pub async fn fence(&self, tenant: TenantId) -> Result<Option<Fence>, DbError> {
        match self {
            Self::Postgres(cell) => cell.fence(tenant).await,
            Self::Sqlite(cell) => cell.fence(tenant).await,
        }
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
        match self {
            Self::Postgres(cell) => cell.fences(after, limit).await,
            Self::Sqlite(cell) => cell.fences(after, limit).await,
        }
    }

    /// Takes what was deleted out of the cell's files: the end of a purge.
    ///
    /// On SQLite see [`SqliteCell::scrub`]. On Postgres it does nothing: deleted rows stay in the server's
    /// pages until it vacuums them and in its log until it recycles that, and no client can make it
    /// overwrite either. There, what must not be readable on a disk is a matter of the disk's encryption.
    ///
    /// # Errors
    /// [`DbError::Busy`] while somebody reads an older state; otherwise as a statement's.
    ///
    /// # Cancel safety
    /// It was done or not; do it again.
    pub async fn scrub(&self) -> Result<(), DbError> {
        match self {
            Self::Postgres(_) => Ok(()),
            Self::Sqlite(cell) => cell.scrub().await,
        }
    }

    /// Tenants that this cell serves for writing (its fence and their lifecycle are active) and that `select`
    /// finds, in the order of their ids: for the platform's own work, such as releasing what has expired. It
    /// then enters each tenant through its own door.
    ///
    /// `select` is one column of tenant ids from the tables of all tenants, with `values` for its
    /// parameters. Nothing but the ids comes out. It is the only statement that sees more than one tenant, so
    /// it is for the control plane, and never answers a request. Who wants more than `limit` says in `select`
    /// after which id to go on.
    ///
    /// ```
    /// # #[cfg(feature = "portable")] mod example {
    /// # use std::num::NonZeroU32;
    /// # use tenancy_core::{db::{CellDb, DbError}, types::TenantId};
    /// async fn with_expired_orders(cell: &CellDb, now: i64) -> Result<Vec<TenantId>, DbError> {
    ///     let expired = "select tenant_id from shop_order where state = 'pending' and expires_at < $1";
    ///     cell.tenants_with(expired, &[now], NonZeroU32::MIN.saturating_add(99)).await
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`DbError::Refused`] and [`DbError::Parameters`] as for a tenant's statement, [`DbError::Timeout`]
    /// after 10 s, [`DbError::Statement`] when the database refuses it; it cannot write.
    ///
    /// # Cancel safety
    /// Nothing is changed, and a dropped future stops it.
    pub async fn tenants_with(
        &self,
        select: &'static str,
        values: &[i64],
        limit: NonZeroU32,
    ) -> Result<Vec<TenantId>, DbError> {
        match self {
            Self::Postgres(cell) => cell.tenants_with(select, values, limit).await,
            Self::Sqlite(cell) => cell.tenants_with(select, values, limit).await,
        }
    }
}
