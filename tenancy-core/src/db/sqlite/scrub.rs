use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::{LOCK_WAIT, SqliteCell, pool::SqliteLease};
use crate::db::DbError;

/// How long the journal waits for readers. The writer waits meanwhile, and with it every tenant's writes.
const PATIENCE: Duration = Duration::from_millis(100);

impl SqliteCell {
    /// Takes what was deleted out of the cell's files. The database itself is overwritten where rows are
    /// deleted (`secure_delete`), but the write-ahead log still has their pages: this writes it back and
    /// empties it. What something else than a cell has deleted from the file, without that setting, may
    /// still be in its unused pages: `VACUUM` it once with the SQLite shell while no process serves it.
    ///
    /// # Errors
    /// [`DbError::Busy`] while a transaction reads an older state, such as an export: do it again later.
    /// [`DbError::Unreachable`] or [`DbError::Statement`] when the file does not let it.
    ///
    /// # Cancel safety
    /// The log is emptied or not; do it again.
    pub async fn scrub(&self) -> Result<(), DbError> {
        // Dropped in between, the connection goes, and its short patience with it.
        let mut lease = self.0.writer.lease(None, 1).await?;
        wait_for_locks(&mut lease, PATIENCE).await?;
        let (busy, _, _): (i64, i64, i64) = sqlx::query_as(TRUNCATE)
            .fetch_one(lease.connection())
            .await
            .map_err(failed)?;
        wait_for_locks(&mut lease, LOCK_WAIT).await?;
        lease.keep();
        if busy == 0 {
            Ok(())
        } else {
            Err(DbError::Busy)
        }
    }
}

const TRUNCATE: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

async fn wait_for_locks(lease: &mut SqliteLease, time: Duration) -> Result<(), DbError> {
    let sql = format!("PRAGMA busy_timeout = {}", time.as_millis());
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(lease.connection())
        .await
        .map_err(failed)?;
    Ok(())
}

fn failed(error: sqlx::Error) -> DbError {
    DbError::of_driver::<sqlx::Sqlite>(TRUNCATE.into(), error)
}
