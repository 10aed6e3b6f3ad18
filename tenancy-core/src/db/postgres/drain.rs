//! Waiting for the writers of a tenant that is fenced.
//!
//! The fence is set first, beside the writers, and durable: from then on nobody comes in, also when whoever
//! drains dies. The writers that were let in before hold the tenant's lock, shared; the drain is over when the
//! lock can be had alone.

use std::{pin::pin, time::Duration};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Postgres, Row as _};
use tenancy_types::{Clock as _, SystemClock, TenantId, UnixMicros};
use tokio::time::timeout;

use super::{PostgresCell, driver::answered, guard, lease::PgLease};
use crate::{
    db::{
        DbError, Drain, Stragglers,
        database::private::Driver as _,
        fence::{self, Change, OWN_WAIT},
    },
    protocol::{self, Fence, FenceEvent, FenceState},
};

/// How long ending the stragglers' connections may take, and how long they are waited for then.
const TERMINATION: Duration = Duration::from_secs(5);

/// How long the fence may take to be set beside writers. Only writers under one snapshot for all their
/// statements hold its row.
const AT_ONCE: Duration = Duration::from_millis(100);

impl PostgresCell {
    /// Lets no new writer of the tenant in, and waits for those that are open: sets the fence, unless it is
    /// set, and returns it when nobody writes to the tenant any more. From then on the tenant's rows change
    /// only when the fence does. Doing it twice does it once.
    ///
    /// It waits no longer than until the fence's deadline, by this process's clock. Ending stragglers takes up to
    /// 5 s, which are taken from the wait where the deadline is near. Each cell waits for the writers of 4 tenants
    /// at once; further drains, and changes of fences that wait, wait for their turn.
    ///
    /// # Errors
    /// [`DbError::Prepared`] when prepared transactions have written to the tenant: nothing was done, as nobody
    /// knows when they end. [`DbError::WritersRemain`] when writers did not end in time. [`DbError::Rejected`] and
    /// [`DbError::FenceChanged`] as [`change_fence`](Self::change_fence); the latter also when the fence was
    /// changed meanwhile. [`DbError::Busy`] when no connection was free for it, [`DbError::Unreachable`] when the
    /// database did not answer, as when a pooler has no connection left with which the stragglers could be
    /// ended, and [`DbError::CommitUnknown`] when that came at a commit. After each of them it has lifted the
    /// fence that it set or found; when it could not, it says why, and the fence lifts itself at its deadline.
    /// What stragglers wrote whose connections were ended by then is lost to them.
    ///
    /// # Cancel safety
    /// When the future is dropped, the fence may be set or not; drain again, or release it. It lifts itself at
    /// its deadline: the server notices within a second that nobody waits for its writers any more.
    pub async fn drain(
        &self,
        tenant: TenantId,
        expected: Fence,
        drain: Drain,
    ) -> Result<Fence, DbError> {
        let change = match drain.event(expected) {
            None => None,
            Some(event) => Some(Change::of(tenant, Some(expected), event)?),
        };
        let transactions = self.prepared(tenant).await?;
        if !transactions.is_empty() {
            return Err(DbError::Prepared {
                tenant,
                transactions,
            });
        }
        match self.quiet(tenant, expected, drain, change).await {
            Ok(fence) => Ok(fence),
            Err(error) => {
                self.unfence(tenant, expected, drain).await?;
                Err(error)
            }
        }
    }

    /// The fence, set, when nobody writes any more.
    async fn quiet(
        &self,
        tenant: TenantId,
        expected: Fence,
        drain: Drain,
        change: Option<Change>,
    ) -> Result<Fence, DbError> {
        if let Some(change) = change {
            match self.beside_writers(tenant, change).await {
                // Writers hold its row, and others may hold it after them. Whoever waits for the lock lets none
                // of these in, and sets it then.
                Ok(_) | Err(DbError::Busy) => {}
                Err(error) => return Err(error),
            }
        }
        let until = match expected.state {
            FenceState::Fenced { until } => until,
            _ => drain.until,
        };
        let lease = self.without_writers(tenant, until, drain).await?;
        match change {
            Some(change) => change.make::<Postgres>(lease).await,
            None => fence::confirm::<Postgres>(lease, tenant, expected).await,
        }
    }

    async fn beside_writers(&self, tenant: TenantId, change: Change) -> Result<Fence, DbError> {
        let lease = Postgres::beside(self, tenant, AT_ONCE).await?;
        change.make::<Postgres>(lease).await
    }

    /// A connection beside which nobody writes to the tenant. It waits in one place all the time: that keeps new
    /// writers out, also while the stragglers are ended, and where the fence could not be set beside them.
    async fn without_writers(
        &self,
        tenant: TenantId,
        until: UnixMicros,
        drain: Drain,
    ) -> Result<PgLease, DbError> {
        let left = time_left(until, SystemClock.unix());
        let (patience, termination) = match drain.stragglers {
            Stragglers::Unfence => (drain.wait.min(left), Duration::ZERO),
            Stragglers::Terminate => (
                drain.wait.min(left.saturating_sub(TERMINATION)),
                TERMINATION,
            ),
        };
        let mut lease = self.own(tenant).await?;
        let limit = patience.saturating_add(termination);
        let mut excluding = pin!(async move {
            guard::exclude(&mut lease, tenant, limit).await?;
            Ok(lease)
        });
        let excluded = match timeout(patience, &mut excluding).await {
            Ok(excluded) => excluded,
            Err(_) => {
                if drain.stragglers == Stragglers::Terminate {
                    self.terminate(tenant).await?;
                }
                excluding.await
            }
        };
        excluded.map_err(|error| match error {
            DbError::Busy => DbError::WritersRemain {
                tenant,
                limit: patience,
            },
            error => error,
        })
    }

    /// Lifts the fence that the drain has set or found, unless it was never set or is another by now.
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
            Ok(_) | Err(DbError::FenceChanged { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn own(&self, tenant: TenantId) -> Result<PgLease, DbError> {
        self.0.waiting.lease(Some(tenant), 1).await
    }

    async fn prepared(&self, tenant: TenantId) -> Result<Vec<String>, DbError> {
        let mut lease = self.own(tenant).await?;
        let listed =
            sqlx::raw_sql(AssertSqlSafe(guard::prepared(tenant))).fetch_all(lease.connection());
        let listed = answered(OWN_WAIT, listed).await;
        Postgres::hear(&mut lease, &listed);
        let named = listed.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
        let named = named.map_err(|error| {
            DbError::of_driver::<Postgres>("list prepared transactions".into(), error)
        })?;
        lease.keep();
        Ok(named)
    }

    /// Tells the writers' connections to end, as their own role, which needs no right beyond its own, and beside
    /// the pool, whose connections may all be theirs.
    async fn terminate(&self, tenant: TenantId) -> Result<(), DbError> {
        let terminate = guard::terminate(tenant);
        let terminated = async {
            let mut connection = PgConnection::connect_with(self.0.tenants.address()).await?;
            let ended = sqlx::raw_sql(AssertSqlSafe(terminate))
                .fetch_one(&mut connection)
                .await?;
            connection.close().await?;
            ended.try_get::<i64, _>(0)
        };
        // That all connections are taken is a reason as well why the server cannot be reached.
        let ended =
            answered(TERMINATION, terminated)
                .await
                .map_err(|error| DbError::Unreachable {
                    source: error.into(),
                })?;
        tracing::warn!(tenant_id = %tenant, ended, "ended writers that kept a tenant from moving");
        Ok(())
    }
}

fn time_left(until: UnixMicros, now: UnixMicros) -> Duration {
    let left = until.get().saturating_sub(now.get());
    Duration::from_micros(u64::try_from(left).unwrap_or(0))
}
