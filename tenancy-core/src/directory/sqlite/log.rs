use sqlx::{SqliteConnection, SqlitePool};
use tenancy_types::{LogEntry, Position, UnixMicros};

use super::{
    super::{
        event::{self, EventRow},
        extent::Extent,
    },
    DirectoryError, Lag,
    forget::is_gap,
    row, unavailable,
};

pub(super) async fn append(
    connection: &mut SqliteConnection,
    entry: &LogEntry,
    written: UnixMicros,
) -> Result<(), DirectoryError> {
    let (kind, word, name) = event::encode(&entry.event);
    sqlx::query(
        "insert into log (revision, kind, tenant, word, name, written)
         values (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(row::stored_revision(entry.revision))
    .bind(kind)
    .bind(entry.event.tenant().as_i64())
    .bind(word)
    .bind(name)
    .bind(written.get())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}

pub(super) async fn read(
    readers: &SqlitePool,
    after: Position,
    limit: usize,
) -> Result<Vec<LogEntry>, DirectoryError> {
    let rows: Vec<EventRow> = sqlx::query_as(
        "select revision, kind, tenant, word, name from log
         where revision > ?1 order by revision limit ?2",
    )
    .bind(row::stored_revision(after.revision))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(readers)
    .await
    .map_err(unavailable)?;
    check(readers, after).await?;
    rows.into_iter().map(event::decode).collect()
}

/// How far behind a follower is.
pub(super) async fn lag(
    readers: &SqlitePool,
    after: Position,
    now: UnixMicros,
) -> Result<Lag, DirectoryError> {
    let oldest: Option<i64> =
        sqlx::query_scalar("select written from log where revision > ?1 order by revision limit 1")
            .bind(row::stored_revision(after.revision))
            .fetch_optional(readers)
            .await
            .map_err(unavailable)?;
    let extent = check(readers, after).await?;
    Ok(extent.lag(after, oldest.map(UnixMicros::new), now))
}

/// Whether a follower can go on from there. Asked after the entries were read: who removes some in between makes a gap,
/// never a silent hole.
async fn check(readers: &SqlitePool, after: Position) -> Result<Extent, DirectoryError> {
    let is_gap = is_gap(readers, after.revision).await?;
    let extent = super::read::extent(readers).await?;
    extent.check(after)?;
    if is_gap {
        return Err(extent.gap(after));
    }
    Ok(extent)
}
