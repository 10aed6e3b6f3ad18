//! The table of fences in a cell's own database: one text of SQL, driven by [`protocol`](crate::protocol).

use std::{future::Future, io, time::Duration};

use tenancy_types::{Clock as _, Epoch, Lifecycle, SystemClock, TenantId, UnixMicros};

use super::{CellDatabase, DbError};
use crate::protocol::{Fence, FenceEvent, FenceState, Rejected, fence};

/// The table's statements, which are the same in both databases but for where it is.
#[derive(Clone, Copy, Debug)]
pub struct FenceSql {
    pub(super) table: &'static str,
    /// The database's time, in microseconds: deadlines are compared with one clock, and not with each client's.
    pub(super) clock: &'static str,
    pub(super) one: &'static str,
    pub(super) page: &'static str,
    pub(super) create: &'static str,
    pub(super) change: &'static str,
}

/// The statements for a table of this name, in a database that tells its time so.
macro_rules! fence_sql {
    ($table:literal, $clock:literal) => {
        $crate::db::fence::FenceSql {
            table: $table,
            clock: $clock,
            one: concat!(fence_sql!(select), $table, " WHERE tenant_id = $1"),
            page: concat!(
                fence_sql!(select),
                $table,
                " WHERE tenant_id > $1 ORDER BY tenant_id LIMIT $2"
            ),
            create: concat!(
                "INSERT INTO ",
                $table,
                " (tenant_id, state, lifecycle, epoch, deadline) VALUES ($1, $2, $3, $4, $5)",
                " ON CONFLICT (tenant_id) DO NOTHING",
                fence_sql!(returning)
            ),
            change: concat!(
                "UPDATE ",
                $table,
                " SET state = $2, lifecycle = $3, epoch = $4, deadline = $5",
                " WHERE tenant_id = $1 AND state = $6 AND lifecycle = $7 AND epoch = $8",
                " AND (deadline = $9 OR state = 'sealed')",
                fence_sql!(returning)
            ),
        }
    };
    (select) => {
        "SELECT tenant_id, state, lifecycle, epoch, deadline FROM "
    };
    (returning) => {
        " RETURNING tenant_id, state, lifecycle, epoch, deadline"
    };
}
pub(super) use fence_sql;

/// A row: tenant, state, lifecycle, epoch, deadline.
pub(super) type StoredFence = (i64, String, String, i64, i64);

/// A parameter of one of the statements here.
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// A number.
    Int(i64),
    /// A name.
    Text(&'static str),
}

/// How long the cell's own change of a fence waits for whoever holds it.
pub(super) const OWN_WAIT: Duration = Duration::from_secs(5);

/// Whether a fence kept a transaction out whose deadline has passed, by this process's clock; the database's
/// decides. Whoever was to lift it may have died, and needs not be asked, because a change of owner needs a fence
/// that stands.
pub(super) fn has_lapsed(error: &DbError) -> bool {
    matches!(error, DbError::Fenced { until: Some(until) } if SystemClock.unix() >= *until)
}

/// Lifts a fence whose deadline has passed by the database's clock, if nobody else has.
pub(super) async fn expire<D: CellDatabase>(
    cell: D::Cell,
    tenant: TenantId,
) -> Result<(), DbError> {
    let mut lease = D::beside(&cell, tenant, OWN_WAIT).await?;
    let found = first(one::<D>(&mut lease, tenant).await?)?;
    let now = UnixMicros::new(in_time(D::clock(&mut lease)).await?);
    let Ok(change) = Change::of(tenant, found, FenceEvent::Expire { now }) else {
        return D::conclude(lease).await;
    };
    match change.make::<D>(lease).await {
        Err(DbError::FenceChanged { .. }) => Ok(()),
        expired => expired.map(drop),
    }
}

/// Changes a fence that is as expected, beside no open write transaction, and is durable when it returns.
///
/// Doing it twice does it once: a fence that is already what the event makes of `expected` is the answer.
pub(super) async fn change<D: CellDatabase>(
    cell: &D::Cell,
    tenant: TenantId,
    expected: Option<Fence>,
    event: FenceEvent,
) -> Result<Fence, DbError> {
    let change = Change::of(tenant, expected, event)?;
    change.make::<D>(D::alone(cell, tenant).await?).await
}

/// A change of a fence that the protocol lists.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    tenant: TenantId,
    expected: Option<Fence>,
    after: Fence,
}

impl Change {
    pub(super) fn of(
        tenant: TenantId,
        expected: Option<Fence>,
        event: FenceEvent,
    ) -> Result<Self, Rejected> {
        Ok(Self {
            tenant,
            expected,
            after: fence::next(expected, event)?,
        })
    }

    /// Makes it, if the fence is as expected or the change has been made already.
    pub(super) async fn make<D: CellDatabase>(self, mut lease: D::Lease) -> Result<Fence, DbError> {
        let mut values = vec![Value::Int(self.tenant.as_i64())];
        values.extend(store(self.after, self.deadline()));
        let expected = self.expected.into_iter();
        values.extend(expected.flat_map(|fence| store(fence, deadline(fence))));
        let sql = if self.expected.is_none() {
            D::FENCES.create
        } else {
            D::FENCES.change
        };
        let mut rows = in_time(D::fences(&mut lease, sql, &values)).await?;
        if rows.is_empty() {
            rows = one::<D>(&mut lease, self.tenant).await?;
        }
        D::conclude(lease).await?;
        let by_this = rows.iter().all(|(.., deadline)| self.made(*deadline));
        let found = first(rows)?;
        if found == Some(self.after) && by_this {
            Ok(self.after)
        } else {
            Err(DbError::FenceChanged {
                tenant: self.tenant,
                expected: self.expected,
                found,
            })
        }
    }

    /// What the row keeps as its deadline. A sealed one keeps that of the fence it was made of.
    fn deadline(self) -> i64 {
        match self.after.state {
            FenceState::Sealed => self.expected.map_or(0, deadline),
            _ => deadline(self.after),
        }
    }

    /// Whether a row with this deadline can be this change's. Between two fences the tenant is written to, so
    /// whoever has copied what stood behind the one must not take the seal of the other for its own.
    fn made(self, found: i64) -> bool {
        let fenced = self.expected.is_some_and(|fence| deadline(fence) != 0);
        self.after.state != FenceState::Sealed || !fenced || found == self.deadline()
    }
}

/// The fence, if it still is as expected.
pub(super) async fn confirm<D: CellDatabase>(
    mut lease: D::Lease,
    tenant: TenantId,
    expected: Fence,
) -> Result<Fence, DbError> {
    let rows = one::<D>(&mut lease, tenant).await?;
    D::conclude(lease).await?;
    let found = first(rows)?;
    if found == Some(expected) {
        Ok(expected)
    } else {
        Err(DbError::FenceChanged {
            tenant,
            expected: Some(expected),
            found,
        })
    }
}

/// The fence of a tenant, if the cell has one.
pub(super) async fn read<D: CellDatabase>(
    cell: &D::Cell,
    tenant: TenantId,
) -> Result<Option<Fence>, DbError> {
    first(select::<D>(cell, D::FENCES.one, &[Value::Int(tenant.as_i64())]).await?)
}

/// The fences of up to `limit` tenants after one, in order.
pub(super) async fn page<D: CellDatabase>(
    cell: &D::Cell,
    after: Option<TenantId>,
    limit: u32,
) -> Result<Vec<(TenantId, Fence)>, DbError> {
    let after = after.map_or(0, TenantId::as_i64);
    let values = [Value::Int(after), Value::Int(limit.into())];
    let rows = select::<D>(cell, D::FENCES.page, &values).await?;
    rows.into_iter().map(stored).collect()
}

async fn select<D: CellDatabase>(
    cell: &D::Cell,
    sql: &'static str,
    values: &[Value],
) -> Result<Vec<StoredFence>, DbError> {
    let mut lease = D::platform(cell).await?;
    let rows = in_time(D::fences(&mut lease, sql, values)).await?;
    D::release(lease);
    Ok(rows)
}

async fn one<D: CellDatabase>(
    lease: &mut D::Lease,
    tenant: TenantId,
) -> Result<Vec<StoredFence>, DbError> {
    let tenant = [Value::Int(tenant.as_i64())];
    in_time(D::fences(lease, D::FENCES.one, &tenant)).await
}

/// What the database answers in the time for a statement of the cell's own. Requests wait for some of these, and
/// a database that says nothing must not keep them for ever.
async fn in_time<T>(work: impl Future<Output = Result<T, DbError>>) -> Result<T, DbError> {
    let answer = tokio::time::timeout(OWN_WAIT + Duration::from_secs(1), work).await;
    answer.unwrap_or_else(|_| {
        Err(DbError::Unreachable {
            source: io::Error::from(io::ErrorKind::TimedOut).into(),
        })
    })
}

/// The fence of the first row.
pub(super) fn first(rows: Vec<StoredFence>) -> Result<Option<Fence>, DbError> {
    let row = rows.into_iter().next();
    Ok(row.map(stored).transpose()?.map(|(_, fence)| fence))
}

/// Which the fence itself names.
fn deadline(fence: Fence) -> i64 {
    match fence.state {
        FenceState::Fenced { until } => until.get(),
        _ => 0,
    }
}

fn store(fence: Fence, deadline: i64) -> [Value; 4] {
    let state = match fence.state {
        FenceState::Incoming => "incoming",
        FenceState::Ready => "ready",
        FenceState::Active => "active",
        FenceState::Fenced { .. } => "fenced",
        FenceState::Sealed => "sealed",
        FenceState::Gone => "gone",
        FenceState::Refused => "refused",
    };
    [
        Value::Text(state),
        Value::Text(fence.lifecycle.as_str()),
        Value::Int(fence.epoch.as_i64()),
        Value::Int(deadline),
    ]
}

fn stored(
    (tenant_id, state, lifecycle, epoch, deadline): StoredFence,
) -> Result<(TenantId, Fence), DbError> {
    load(tenant_id, (&state, &lifecycle), epoch, deadline)
}

/// What a row says, in whatever form it came.
pub(super) fn load(
    tenant_id: i64,
    (state, lifecycle): (&str, &str),
    epoch: i64,
    deadline: i64,
) -> Result<(TenantId, Fence), DbError> {
    let bad = |column, found: &str| DbError::BadFence {
        tenant_id,
        column,
        found: found.into(),
    };
    let tenant = TenantId::try_from(tenant_id).map_err(|error| bad("tenant_id", &error.found))?;
    let state = match state {
        "incoming" => FenceState::Incoming,
        "ready" => FenceState::Ready,
        "active" => FenceState::Active,
        "fenced" => FenceState::Fenced {
            until: UnixMicros::new(deadline),
        },
        "sealed" => FenceState::Sealed,
        "gone" => FenceState::Gone,
        "refused" => FenceState::Refused,
        other => return Err(bad("state", other)),
    };
    let lifecycle: Lifecycle = lifecycle.parse().map_err(|_| bad("lifecycle", lifecycle))?;
    let epoch = Epoch::try_from(epoch).map_err(|error| bad("epoch", &error.found))?;
    Ok((
        tenant,
        Fence {
            state,
            lifecycle,
            epoch,
        },
    ))
}
