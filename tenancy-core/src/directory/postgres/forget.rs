//! Forgetting a tenant that is gone: the log without its life, the row without its request.

use sqlx::PgConnection;
use tenancy_types::TenantId;

use super::{
    super::{Tenant, decide, extent::Extent},
    DirectoryError, read, row, unavailable,
    write::{Written, begin, record},
};

pub(super) async fn forget(
    connection: &mut PgConnection,
    id: TenantId,
) -> Result<Written, DirectoryError> {
    let (mut tx, extent) = begin(connection).await?;
    let tenant = read::tenant(&mut tx, id)
        .await?
        .ok_or(DirectoryError::NotFound { tenant: id })?;
    if is_forgotten(&mut tx, id).await? {
        return Ok((tenant, None));
    }
    let (mut forgotten, facts) = decide::forget(&tenant)?;
    end_life(&mut tx, &tenant, extent).await?;
    let newest = record(&mut tx, &mut forgotten, facts, extent).await?;
    tx.commit().await.map_err(unavailable)?;
    Ok((forgotten, Some(newest)))
}

async fn is_forgotten(tx: &mut PgConnection, id: TenantId) -> Result<bool, DirectoryError> {
    sqlx::query_scalar("select exists (select from forgotten where tenant = $1)")
        .bind(id.as_i64())
        .fetch_one(tx)
        .await
        .map_err(unavailable)
}

/// Where compaction has taken the beginning of the log, it may have taken that of the life, which is then supposed to
/// begin where the log does.
async fn end_life(
    tx: &mut PgConnection,
    tenant: &Tenant,
    extent: Extent,
) -> Result<(), DirectoryError> {
    let id = tenant.id.as_i64();
    let last = row::stored_revision(tenant.revision);
    sqlx::query(
        "insert into forgotten (tenant, first, last)
         select $1, case when $3 > 0 then $3 else min(revision) end, $2 from log where tenant = $1",
    )
    .bind(id)
    .bind(last)
    .bind(row::stored_revision(extent.floor))
    .execute(&mut *tx)
    .await
    .map_err(unavailable)?;
    sqlx::query("delete from log where tenant = $1")
        .bind(id)
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    sqlx::query("update tenant set request = null, wanted = null, region = null where id = $1")
        .bind(id)
        .execute(tx)
        .await
        .map_err(unavailable)?;
    Ok(())
}
