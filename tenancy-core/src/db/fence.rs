//! The table of fences in a cell's own database: one text of SQL, driven by [`protocol`](crate::protocol).

use tenancy_types::{Epoch, Lifecycle, TenantId, UnixMicros};

use super::{CellDatabase, DbError};
use crate::protocol::{Fence, FenceEvent, FenceState, fence};

/// The table's statements, which are the same in both databases but for where it is.
#[derive(Clone, Copy, Debug)]
pub struct FenceSql {
    pub(super) table: &'static str,
    pub(super) one: &'static str,
    pub(super) page: &'static str,
    pub(super) create: &'static str,
    pub(super) change: &'static str,
}

/// The statements for a table of this name.
macro_rules! fence_sql {
    ($table:literal) => {
        $crate::db::fence::FenceSql {
            table: $table,
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
                " WHERE tenant_id = $1 AND state = $6 AND lifecycle = $7 AND epoch = $8 AND deadline = $9",
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

/// Changes a fence that is as expected, and is durable when it returns.
///
/// Doing it twice does it once: a fence that is already what the event makes of `expected` is the answer.
pub(super) async fn change<D: CellDatabase>(
    cell: &D::Cell,
    tenant: TenantId,
    expected: Option<Fence>,
    event: FenceEvent,
) -> Result<Fence, DbError> {
    let after = fence::next(expected, event)?;
    let mut values = vec![Value::Int(tenant.as_i64())];
    values.extend(store(after));
    values.extend(expected.into_iter().flat_map(store));
    let sql = if expected.is_none() {
        D::FENCES.create
    } else {
        D::FENCES.change
    };
    let mut lease = D::alone(cell, tenant).await?;
    let mut rows = D::fences(&mut lease, sql, &values).await?;
    if rows.is_empty() {
        rows = D::fences(&mut lease, D::FENCES.one, &values[..1]).await?;
    }
    D::conclude(lease).await?;
    let found = first(rows)?;
    if found == Some(after) {
        Ok(after)
    } else {
        Err(DbError::FenceChanged {
            tenant,
            expected,
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
    rows.into_iter().map(load).collect()
}

async fn select<D: CellDatabase>(
    cell: &D::Cell,
    sql: &'static str,
    values: &[Value],
) -> Result<Vec<StoredFence>, DbError> {
    let mut lease = D::platform(cell).await?;
    let rows = D::fences(&mut lease, sql, values).await?;
    D::release(lease);
    Ok(rows)
}

/// The fence of the first row.
pub(super) fn first(rows: Vec<StoredFence>) -> Result<Option<Fence>, DbError> {
    let row = rows.into_iter().next();
    Ok(row.map(load).transpose()?.map(|(_, fence)| fence))
}

fn store(fence: Fence) -> [Value; 4] {
    let (state, deadline) = match fence.state {
        FenceState::Incoming => ("incoming", 0),
        FenceState::Ready => ("ready", 0),
        FenceState::Active => ("active", 0),
        FenceState::Fenced { until } => ("fenced", until.get()),
        FenceState::Sealed => ("sealed", 0),
        FenceState::Gone => ("gone", 0),
        FenceState::Refused => ("refused", 0),
    };
    [
        Value::Text(state),
        Value::Text(fence.lifecycle.as_str()),
        Value::Int(fence.epoch.as_i64()),
        Value::Int(deadline),
    ]
}

fn load(
    (tenant_id, state, lifecycle, epoch, deadline): StoredFence,
) -> Result<(TenantId, Fence), DbError> {
    let bad = |column, found: &str| DbError::BadFence {
        tenant_id,
        column,
        found: found.into(),
    };
    let tenant = TenantId::try_from(tenant_id).map_err(|error| bad("tenant_id", &error.found))?;
    let state = match &*state {
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
    let lifecycle: Lifecycle = lifecycle
        .parse()
        .map_err(|_| bad("lifecycle", &lifecycle))?;
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
