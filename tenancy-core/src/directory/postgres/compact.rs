use sqlx::PgConnection;
use tenancy_types::Revision;

use super::{DirectoryError, row, unavailable, write::begin};

/// How many entries one transaction removes: other writers wait no longer than for that.
const BATCH: i64 = 10_000;

/// Removes the first entries, at most up to a revision, and says how many; `None` when there is nothing to do.
pub(super) async fn batch(
    connection: &mut PgConnection,
    up_to: Revision,
) -> Result<Option<u64>, DirectoryError> {
    let (mut tx, extent) = begin(connection).await?;
    let target = up_to.min(extent.newest.revision);
    if target <= extent.floor {
        return Ok(None);
    }
    let batch: Option<i64> =
        sqlx::query_scalar("select revision from log order by revision limit 1 offset $1")
            .bind(BATCH - 1)
            .fetch_optional(&mut *tx)
            .await
            .map_err(unavailable)?;
    let target = row::stored_revision(target);
    let floor = batch.map_or(target, |last| last.min(target));
    sqlx::query("update head set floor = $1")
        .bind(floor)
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    let removed = sqlx::query("delete from log where revision <= $1")
        .bind(floor)
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)?;
    Ok(Some(removed.rows_affected()))
}
