//! A cell in a Postgres database.

mod driver;
mod guard;
mod lease;

use std::{num::NonZeroU32, sync::Arc};

use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tenancy_types::TenantId;

use super::{CellOptions, DbError, OpenError, TenantTx, fence, gate::Gate, survey};
use crate::{
    Access, TenantContext,
    protocol::{Fence, FenceEvent},
};

/// A number of our own, so that two processes do not make the same table at once.
const PREPARE_LOCK: &str = "SELECT pg_advisory_xact_lock(8314046112346231)";

/// A cell whose tenants' rows are in a Postgres database. A cheap handle; clones are the same cell.
///
/// **This version sets the tenant and checks the fence, and does not yet isolate**: a statement sees what
/// its own `WHERE tenant_id = …` says. Row security comes with the isolation of this database.
#[derive(Clone, Debug)]
pub struct PostgresCell(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pool: PgPool,
    gate: Gate,
    options: CellOptions,
}

impl PostgresCell {
    /// Opens a database and makes its fence table if it has none.
    ///
    /// # Errors
    /// [`OpenError`]: the database cannot be reached, or is of a newer version.
    pub async fn open(connect: PgConnectOptions, options: CellOptions) -> Result<Self, OpenError> {
        let connections = options.connections.get();
        let pool = PgPoolOptions::new()
            .max_connections(connections.into())
            .acquire_timeout(options.wait)
            // A connection that has died is noticed by the first statement, without a round trip for each.
            .test_before_acquire(false)
            .connect_with(connect)
            .await?;
        let mut transaction = pool.begin().await?;
        sqlx::raw_sql(PREPARE_LOCK)
            .execute(&mut *transaction)
            .await?;
        sqlx::raw_sql(fence::TABLES)
            .execute(&mut *transaction)
            .await?;
        let found = sqlx::query_scalar(fence::FORMAT_OF_FENCES)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        if found > fence::FORMAT {
            return Err(OpenError::NewerFormat {
                found,
                known: fence::FORMAT,
            });
        }
        Ok(Self(Arc::new(Inner {
            pool,
            gate: Gate::new(connections.into(), options.patience()),
            options,
        })))
    }

    /// A transaction of the context's tenant, which is committed by hand.
    #[must_use]
    pub fn begin<A: Access>(&self, ctx: &TenantContext<A>) -> TenantTx<sqlx::Postgres, A> {
        TenantTx::new(self.clone(), ctx, self.0.options.max_write_age)
    }

    /// Changes a tenant's fence from what the caller expects, where `None` is no fence. Durable when it
    /// returns, as far as the server's `synchronous_commit` says. Doing it twice does it once.
    ///
    /// It waits for the tenant's write transactions that are open, for a second longer than the cell's
    /// [maximum age](CellOptions::max_write_age). New ones are [`Fenced`](DbError::Fenced) meanwhile, and
    /// those that come after it read the new fence.
    ///
    /// # Errors
    /// [`DbError::Rejected`] when the protocol does not list the change, [`DbError::FenceChanged`] when the
    /// fence is another. [`DbError::Busy`] when a write transaction did not end in time: nothing was changed.
    /// [`DbError::CommitUnknown`] when the connection was lost meanwhile.
    ///
    /// # Cancel safety
    /// When the future is dropped, the change may have happened or not; do it again.
    pub async fn change_fence(
        &self,
        tenant: TenantId,
        expected: Option<Fence>,
        event: FenceEvent,
    ) -> Result<Fence, DbError> {
        fence::change::<sqlx::Postgres>(self, tenant, expected, event).await
    }

    /// A tenant's fence, or `None` when the cell has none.
    ///
    /// # Errors
    /// [`DbError::Unreachable`], [`DbError::Busy`] or [`DbError::BadFence`].
    pub async fn fence(&self, tenant: TenantId) -> Result<Option<Fence>, DbError> {
        fence::read::<sqlx::Postgres>(self, tenant).await
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
        fence::page::<sqlx::Postgres>(self, after, limit).await
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
        survey::tenants::<sqlx::Postgres>(self, select, values, limit).await
    }
}
