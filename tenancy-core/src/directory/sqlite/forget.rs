//! Forgetting a tenant that is gone: the log without its life, the row without its request, the file without
//! a trace.

use std::time::Duration;

use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};
use tenancy_types::{RequestKey, Revision, TenantId, UnixMicros};

use super::{
    super::{Tenant, decide},
    DirectoryError,
    open::PATIENCE,
    read, row, unavailable,
    write::{Written, begin, record},
};

pub(super) async fn forget(
    writer: &SqlitePool,
    id: TenantId,
    now: UnixMicros,
) -> Result<Written, DirectoryError> {
    let mut tx = begin(writer).await?;
    let tenant = read::tenant(&mut *tx, id)
        .await?
        .ok_or(DirectoryError::NotFound { tenant: id })?;
    if is_forgotten(&mut tx, id).await? {
        return Ok((tenant, None));
    }
    let (mut forgotten, facts) = decide::forget(&tenant)?;
    let newest = record(&mut tx, &mut forgotten, facts, now).await?;
    end_life(&mut tx, &tenant).await?;
    tx.commit().await.map_err(unavailable)?;
    Ok((forgotten, Some(newest)))
}

async fn is_forgotten(tx: &mut SqliteConnection, id: TenantId) -> Result<bool, DirectoryError> {
    sqlx::query_scalar("select exists (select 1 from forgotten where tenant = ?1)")
        .bind(id.as_i64())
        .fetch_one(tx)
        .await
        .map_err(unavailable)
}

/// Where compaction has taken the beginning of the log, it may have taken that of the life, which is then supposed to
/// begin where the log does.
///
/// The tenant is as it was before what remains of it was written anew to the log's end.
async fn end_life(tx: &mut SqliteConnection, tenant: &Tenant) -> Result<(), DirectoryError> {
    let id = tenant.id.as_i64();
    let remember = "insert into forgotten (tenant, first, last)
        select ?1, iif(floor > 0, floor, (select min(revision) from log where tenant = ?1)), ?2
        from identity";
    sqlx::query(remember)
        .bind(id)
        .bind(row::stored_revision(tenant.revision))
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    sqlx::query("delete from log where tenant = ?1 and revision <= ?2")
        .bind(id)
        .bind(row::stored_revision(tenant.revision))
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    // The column takes no null and no text twice. A text that is longer than any key is nobody's.
    let no_key = format!("{id:0>width$}", width = RequestKey::MAX_LEN + 1);
    sqlx::query("update tenant set request = ?2, wanted = null, region = null where id = ?1")
        .bind(id)
        .bind(no_key)
        .execute(tx)
        .await
        .map_err(unavailable)?;
    Ok(())
}

/// Whether `after` is inside the life of a forgotten tenant: after its first entry, before its last.
pub(super) async fn is_gap(readers: &SqlitePool, after: Revision) -> Result<bool, DirectoryError> {
    sqlx::query_scalar("select exists (select 1 from forgotten where last > ?1 and first <= ?1)")
        .bind(row::stored_revision(after))
        .fetch_one(readers)
        .await
        .map_err(unavailable)
}

/// How long the journal waits for readers. The only writer waits meanwhile, and with it every change.
const JOURNAL_PATIENCE: Duration = Duration::from_millis(100);

/// Takes what was overwritten out of the write-ahead log, too. Not while a reader still needs it.
pub(super) async fn truncate_journal(writer: &SqlitePool) -> Result<(), DirectoryError> {
    let mut connection = writer.acquire().await.map_err(unavailable)?;
    let busy = truncate(&mut connection).await;
    if busy.is_err() {
        // Its short patience goes with it.
        connection.close_on_drop();
    }
    if busy? == 0 {
        Ok(())
    } else {
        Err(unavailable("an older state of the file is being read"))
    }
}

/// 0, or what SQLite says when readers were in the way.
async fn truncate(writer: &mut SqliteConnection) -> Result<i64, DirectoryError> {
    wait_for_locks(writer, JOURNAL_PATIENCE).await?;
    let busy = sqlx::query_scalar("pragma wal_checkpoint(truncate)")
        .fetch_one(&mut *writer)
        .await
        .map_err(unavailable)?;
    wait_for_locks(writer, PATIENCE).await?;
    Ok(busy)
}

async fn wait_for_locks(
    writer: &mut SqliteConnection,
    time: Duration,
) -> Result<(), DirectoryError> {
    let sql = format!("pragma busy_timeout = {}", time.as_millis());
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(writer)
        .await
        .map_err(unavailable)?;
    Ok(())
}
