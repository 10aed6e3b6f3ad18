//! Waiting for the writers of a tenant that is fenced.
//!
//! The fence is set first, beside the writers, and durable: from then on nobody comes in, also when whoever
//! drains dies. The writers that were let in before hold the tenant's lock, shared; the drain is over when the
//! lock can be had alone.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection, Postgres};
use tenancy_types::TenantId;

use super::{PostgresCell, driver::answered, guard, lease::PgLease};
use crate::{
    db::{
        DbError, Drain, Stragglers,
        database::private::Driver as _,
        fence::{self, Change, OWN_WAIT},
    },
    protocol::{self, Fence, FenceEvent},
};

/// How long ending the stragglers' connections may take.
const TERMINATION: Duration = Duration::from_secs(5);

/// How long the fence may take to be set beside writers. Only writers under one snapshot for all their
/// statements hold its row.
const AT_ONCE: Duration = Duration::from_millis(100);

impl PostgresCell {
    /// Lets no new writer of the tenant in, and waits for those that are open: sets the fence, unless it is
    /// set, and returns it when nobody writes to the tenant any more. From then on the tenant's rows change
    /// only when the fence does. Doing it twice does it once.
    ///
    /// # Errors
    /// [`DbError::Prepared`] when prepared transactions have written to the tenant: nothing was done, as nobody
    /// knows when they end. [`DbError::WritersRemain`] when writers did not end in time, or could not be ended:
    /// the fence is lifted again. [`DbError::Rejected`] and [`DbError::FenceChanged`] as
    /// [`change_fence`](Self::change_fence); the latter also when the fence was changed meanwhile. After
    /// another error the fence may be set or not, as when the future is dropped.
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
        let transactions = self.prepared(tenant).await?;
        if !transactions.is_empty() {
            return Err(DbError::Prepared {
                tenant,
                transactions,
            });
        }
        if let Some(fence) = self.quiet(tenant, expected, drain).await? {
            return Ok(fence);
        }
        if drain.stragglers == Stragglers::Terminate {
            self.terminate(tenant).await?;
            if let Some(fence) = self.quiet(tenant, expected, drain).await? {
                return Ok(fence);
            }
        }
        self.unfence(tenant, expected, drain).await?;
        Err(DbError::WritersRemain {
            tenant,
            limit: drain.wait,
        })
    }

    /// The fence, set, when nobody writes any more; `None` when that did not come in time.
    async fn quiet(
        &self,
        tenant: TenantId,
        expected: Fence,
        drain: Drain,
    ) -> Result<Option<Fence>, DbError> {
        let change = match drain.event(expected) {
            None => None,
            Some(event) => Some(Change::of(tenant, Some(expected), event)?),
        };
        if let Some(change) = change {
            let lease = Postgres::beside(self, tenant, drain.wait.min(AT_ONCE)).await?;
            match change.make::<Postgres>(lease).await {
                // Writers hold its row, and others may hold it after them. Whoever waits for the lock lets none
                // of these in, and sets it then.
                Ok(_) | Err(DbError::Busy) => {}
                Err(error) => return Err(error),
            }
        }
        let mut lease = self.own(tenant).await?;
        match guard::exclude(&mut lease, tenant, drain.wait).await {
            Err(DbError::Busy) => return Ok(None),
            alone => alone?,
        }
        let fence = match change {
            Some(change) => change.make::<Postgres>(lease).await?,
            None => fence::confirm::<Postgres>(lease, tenant, expected).await?,
        };
        Ok(Some(fence))
    }

    /// Lifts the fence that the drain has set or found, unless it was never set.
    async fn unfence(
        &self,
        tenant: TenantId,
        expected: Fence,
        drain: Drain,
    ) -> Result<(), DbError> {
        let set = match drain.event(expected) {
            None => expected,
            Some(event) => protocol::fence::next(Some(expected), event)?,
        };
        let change = Change::of(tenant, Some(set), FenceEvent::Release)?;
        let lease = Postgres::beside(self, tenant, OWN_WAIT).await?;
        match change.make::<Postgres>(lease).await {
            Ok(_) => Ok(()),
            Err(DbError::FenceChanged { found, .. }) if found == Some(expected) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn own(&self, tenant: TenantId) -> Result<PgLease, DbError> {
        self.0.fences.lease(Some(tenant), 1).await
    }

    async fn prepared(&self, tenant: TenantId) -> Result<Vec<String>, DbError> {
        let (high, low) = guard::halves(tenant);
        let mut lease = self.own(tenant).await?;
        let listed = sqlx::query_scalar(guard::PREPARED)
            .bind(high)
            .bind(low)
            .fetch_all(lease.connection());
        let transactions = answered(OWN_WAIT, listed)
            .await
            .map_err(|error| DbError::of_driver::<Postgres>(guard::PREPARED.into(), error))?;
        lease.keep();
        Ok(transactions)
    }

    /// Ends the writers' connections, as their own role, which needs no right beyond its own, and beside the
    /// pool, whose connections may all be theirs.
    async fn terminate(&self, tenant: TenantId) -> Result<(), DbError> {
        let (high, low) = guard::halves(tenant);
        let milliseconds = i64::try_from(TERMINATION.as_millis()).unwrap_or(i64::MAX);
        let terminated = async {
            let mut connection = PgConnection::connect_with(self.0.tenants.address()).await?;
            let ended: i64 = sqlx::query_scalar(guard::TERMINATE)
                .bind(high)
                .bind(low)
                .bind(milliseconds)
                .fetch_one(&mut connection)
                .await?;
            connection.close().await?;
            Ok(ended)
        };
        let ended = answered(TERMINATION, terminated)
            .await
            .map_err(|error| DbError::of_driver::<Postgres>(guard::TERMINATE.into(), error))?;
        tracing::warn!(tenant_id = %tenant, ended, "ended writers that kept a tenant from moving");
        Ok(())
    }
}
