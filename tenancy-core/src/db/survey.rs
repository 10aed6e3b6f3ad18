//! Which tenants have work to do: the platform's own question about all tenants of a cell.

use std::{borrow::Cow, num::NonZeroU32, time::Duration};

use sqlx::{Encode, FromRow, Type};
use tenancy_types::TenantId;

use super::{CellDatabase, DbError, explain::explain, fence::FenceSql, sql};

/// Nobody waits for the platform's own work, but a question that never ends keeps a connection.
const LIMIT: Duration = Duration::from_secs(10);

/// The tenants that `select` finds among those which the cell serves for writing. A fence whose deadline has
/// passed keeps nobody out, and the first writer lifts it: that may be the one who asks here.
pub(super) async fn tenants<D: CellDatabase>(
    cell: &D::Cell,
    select: &'static str,
    values: &[i64],
    limit: NonZeroU32,
) -> Result<Vec<TenantId>, DbError>
where
    i64: for<'q> Encode<'q, D> + Type<D>,
    (i64,): for<'r> FromRow<'r, D::Row>,
{
    let parameters = sql::parameters(select).map_err(|source| DbError::Refused {
        sql: select.into(),
        source,
    })?;
    if parameters != values.len() {
        return Err(DbError::Parameters {
            sql: select.into(),
            expected: parameters,
            found: values.len(),
        });
    }
    let asked = tokio::time::timeout(LIMIT + D::GRACE, ask::<D>(cell, select, values, limit));
    let ids = asked.await.map_err(|_| DbError::Timeout {
        sql: select.into(),
        limit: LIMIT,
    })??;
    ids.into_iter()
        .map(|(id,)| {
            TenantId::try_from(id).map_err(|error| DbError::BadFence {
                tenant_id: id,
                column: "tenant_id",
                found: error.found,
            })
        })
        .collect()
}

async fn ask<D: CellDatabase>(
    cell: &D::Cell,
    select: &'static str,
    values: &[i64],
    limit: NonZeroU32,
) -> Result<Vec<(i64,)>, DbError>
where
    i64: for<'q> Encode<'q, D> + Type<D>,
    (i64,): for<'r> FromRow<'r, D::Row>,
{
    let mut arguments = D::Arguments::default();
    for value in values.iter().copied().chain([i64::from(limit.get())]) {
        D::bind(&mut arguments, value).map_err(|source| DbError::Encode {
            sql: select.into(),
            source,
        })?;
    }
    let sql = Cow::Owned(among_the_served(&D::FENCES, select, values.len() + 1));
    let mut lease = D::survey(cell, LIMIT).await?;
    let ids = D::all(&mut lease, sql, arguments).await;
    let ids = ids.map_err(|error| explain::<D>(select.into(), LIMIT, error))?;
    D::rollback(lease).await;
    Ok(ids)
}

/// The line's end keeps a comment at the end of `select` to itself.
fn among_the_served(fences: &FenceSql, select: &str, limit: usize) -> String {
    let FenceSql { table, clock, .. } = fences;
    format!(
        "SELECT tenant_id FROM {table}
         WHERE (state = 'active' OR (state = 'fenced' AND deadline <= {clock}))
         AND lifecycle = 'active' AND tenant_id IN ({select}\n)
         ORDER BY tenant_id LIMIT ${limit}"
    )
}
