//! A cell in a Postgres database.

mod clients;
mod commit;
mod drain;
mod driver;
mod errors;
mod executor;
mod external;
mod format;
mod guard;
mod lease;
mod messages;
pub(super) mod replica;
mod rest;
mod seals;
mod shelf;

use std::{num::NonZeroU32, sync::Arc};

use sqlx::postgres::PgConnectOptions;
use tenancy_types::TenantId;

pub use self::external::ExternalKeyError;
use self::{clients::Clients, lease::Door, replica::Replica};
use super::{
    CellOptions, DbError, IsolationLevel, OpenError, TenantTx, fence, reaper::Reaper, survey,
};
use crate::{
    Access, TenantContext,
    isolation::{AuditReceipt, SealKey},
    protocol::{Fence, FenceEvent},
};

/// Connections for the platform's own questions.
const PLATFORM_CONNECTIONS: u16 = 2;

/// Connections for changes of fences that wait for no writer. Requests wait for some of these.
const FENCE_CONNECTIONS: u16 = 4;

/// Connections for changes of fences that wait for writers: for long, so that they must not keep the others from
/// theirs.
const WAITING_CONNECTIONS: u16 = 4;

/// A cell whose tenants' rows are in a Postgres database that isolates them. A cheap handle; clones are the
/// same cell.
#[derive(Clone, Debug)]
pub struct PostgresCell(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// As the application's role, which row security binds.
    tenants: Door,
    /// As the mover's role, which it does not: questions about all tenants.
    platform: Door,
    /// As the mover's role: changes of fences beside writers.
    fences: Door,
    /// As the mover's role: changes of fences that wait for writers.
    waiting: Door,
    replica: Option<Replica>,
    /// Of a sealed cell.
    key: Option<SealKey>,
    options: CellOptions,
    reaper: Reaper,
}

impl PostgresCell {
    /// Opens a database that was found to isolate. Tenants' transactions use the connection that was
    /// audited; `mover` is the role that changes fences, at the database itself or through a pooler in session
    /// mode.
    ///
    /// # Errors
    /// [`OpenError`]: the database cannot be reached as the mover, or is of another version than this program.
    pub async fn open(
        receipt: AuditReceipt,
        mover: PgConnectOptions,
        options: CellOptions,
    ) -> Result<Self, OpenError> {
        let (app, key) = receipt.into_parts();
        let cell = Self(Arc::new(Inner {
            tenants: Door::new(app, options.connections.get(), options, Clients::Tenants),
            platform: Door::new(
                mover.clone(),
                PLATFORM_CONNECTIONS,
                options,
                Clients::Platform,
            ),
            fences: Door::new(mover.clone(), FENCE_CONNECTIONS, options, Clients::Platform),
            waiting: Door::new(mover, WAITING_CONNECTIONS, options, Clients::Platform),
            replica: None,
            key,
            options,
            reaper: options.reaper(),
        }));
        // A wrong address or password is better known now than at the first change of a fence.
        format::check(&cell).await?;
        Ok(cell)
    }

    /// The same cell with a streaming replica, as the application's role reaches it, for reads that
    /// [say what they have seen](TenantTx::after). The replica has the primary's catalogs, so the audit of
    /// the one is the audit of the other.
    ///
    /// It is asked when it is no further behind than the cell [lets it](CellOptions::max_replica_lag). One that
    /// does not answer within 250 ms of being asked, or ends a reader because of what it has to replay, is left alone for 5 s.
    /// After a fail-over a replica that follows the new primary answers once its next restartpoint has come
    /// (`CHECKPOINT` on the primary, then on the replica, brings one): only then does it say whose log it shows.
    ///
    /// # Errors
    /// [`OpenError::NotItsReplica`] when the address leads to another database or role, or to one that follows
    /// nobody. [`OpenError::Connect`] when one of the two does not answer.
    pub async fn with_replica(&self, address: PgConnectOptions) -> Result<Self, OpenError> {
        let Inner {
            tenants,
            platform,
            fences,
            waiting,
            key,
            options,
            reaper,
            ..
        } = &*self.0;
        let replica = Replica::of(tenants, address, *options).await?;
        Ok(Self(Arc::new(Inner {
            tenants: tenants.clone(),
            platform: platform.clone(),
            fences: fences.clone(),
            waiting: waiting.clone(),
            replica: Some(replica),
            key: key.clone(),
            options: *options,
            reaper: reaper.clone(),
        })))
    }

    /// A transaction of the context's tenant, which is committed by hand.
    #[must_use]
    pub fn begin<A: Access>(&self, ctx: &TenantContext<A>) -> TenantTx<sqlx::Postgres, A> {
        TenantTx::new(self.clone(), ctx, self.0.options)
    }

    /// As [`begin`](Self::begin), and sees what others commit while it runs as this level says. Otherwise
    /// reads are at [`RepeatableRead`](IsolationLevel::RepeatableRead) and writes at
    /// [`ReadCommitted`](IsolationLevel::ReadCommitted).
    #[must_use]
    pub fn begin_at<A: Access>(
        &self,
        ctx: &TenantContext<A>,
        level: IsolationLevel,
    ) -> TenantTx<sqlx::Postgres, A> {
        self.begin(ctx).at(level)
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
