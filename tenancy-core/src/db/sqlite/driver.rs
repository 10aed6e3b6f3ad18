use std::{borrow::Cow, sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, Encode, FromRow, Sqlite, Type, error::DatabaseError};

use tenancy_types::TenantId;

use super::{
    SqliteCell,
    pool::{Pool, SqliteLease},
};
use crate::{
    db::{
        CellDatabase, DbError, Drain, Statements,
        database::{Mode, NotEntered, Opening, private::Driver, statements},
        error::Source,
        fence::{self, Change, FenceSql, StoredFence, Value, fence_sql},
        reaper::Reaper,
    },
    manifest::sqlite::{FOREIGN_ROW, HIDDEN},
    protocol::{self, Denied, Fence},
};

const BEGIN_READ: &str = "BEGIN;
UPDATE temp.tenancy_current SET tenant_id = $1;
SELECT tenant_id, state, lifecycle, epoch, deadline FROM main.tenancy_fence WHERE tenant_id = $1";

/// Takes the lock at once: a transaction that reads first and writes later fails when another wrote between.
const BEGIN_WRITE: &str = "BEGIN IMMEDIATE;
UPDATE temp.tenancy_current SET tenant_id = $1;
SELECT tenant_id, state, lifecycle, epoch, deadline FROM main.tenancy_fence WHERE tenant_id = $1";

/// The tenant goes with its transaction: what is committed is a connection that knows none.
const COMMIT: &str = "UPDATE temp.tenancy_current SET tenant_id = NULL; COMMIT";

const ROLLBACK: &str = "ROLLBACK";

impl CellDatabase for Sqlite {}

fn pool(cell: &SqliteCell, opening: Opening) -> &Arc<Pool> {
    match opening.access {
        Mode::Read => &cell.0.readers,
        Mode::Write => &cell.0.writer,
    }
}

/// Begins. The inner answer is the fence's.
async fn ask_the_fence(
    lease: &mut SqliteLease,
    opening: Opening,
) -> Result<Result<(), Denied>, DbError> {
    let begin = match opening.access {
        Mode::Read => BEGIN_READ,
        Mode::Write => BEGIN_WRITE,
    };
    let values = [Value::Int(opening.tenant.as_i64())];
    let rows = Sqlite::fences(lease, begin, &values).await.map_err(busy)?;
    let found = fence::first(rows)?;
    Ok(match opening.access {
        Mode::Read => protocol::admits_read(found, opening.epoch),
        Mode::Write => protocol::admits_write(found, opening.epoch),
    })
}

/// Somebody who does not know the cell's lock, such as a tool at the file, holds the database's own.
fn busy(error: DbError) -> DbError {
    match &error {
        DbError::Statement { source, .. } => match source.downcast_ref() {
            Some(sqlx::Error::Database(refusal))
                if refusal.code().as_deref() == Some(SQLITE_BUSY) =>
            {
                DbError::Busy
            }
            _ => error,
        },
        _ => error,
    }
}

/// Whoever has the only writer is alone, so a fence that is set has no writer beside it.
pub(super) async fn drain(
    cell: &SqliteCell,
    tenant: TenantId,
    expected: Fence,
    drain: Drain,
) -> Result<Fence, DbError> {
    let turn = tokio::time::timeout(drain.wait, Sqlite::alone(cell, tenant));
    let lease = match turn.await {
        Ok(Err(DbError::Busy)) | Err(_) => {
            return Err(DbError::WritersRemain {
                tenant,
                limit: drain.wait,
            });
        }
        Ok(lease) => lease?,
    };
    match drain.event(expected) {
        None => fence::confirm::<Sqlite>(lease, tenant, expected).await,
        Some(event) => {
            let change = Change::of(tenant, Some(expected), event)?;
            change.make::<Sqlite>(lease).await
        }
    }
}

/// SQLite, "Result and Error Codes".
const SQLITE_BUSY: &str = "5";
const SQLITE_TOOBIG: &str = "18";
/// `SQLITE_NOMEM`, `SQLITE_IOERR` and `SQLITE_FULL`.
const EXHAUSTED: [u32; 3] = [7, 10, 13];

impl Driver for Sqlite {
    type Cell = SqliteCell;
    type Lease = SqliteLease;

    const GRACE: Duration = Duration::ZERO;
    const FENCES: FenceSql = fence_sql!(
        "tenancy_fence",
        "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
    );

    fn reaper(cell: &SqliteCell) -> &Reaper {
        &cell.0.reaper
    }

    fn lease_at_once(cell: &SqliteCell, opening: Opening) -> Option<SqliteLease> {
        let limit = opening.budget.connections.get();
        pool(cell, opening).lease_at_once(Some(opening.tenant), limit)
    }

    async fn lease(cell: SqliteCell, opening: Opening) -> Result<SqliteLease, DbError> {
        let limit = opening.budget.connections.get();
        pool(&cell, opening)
            .lease(Some(opening.tenant), limit)
            .await
    }

    async fn enter(
        _: SqliteCell,
        mut lease: SqliteLease,
        opening: Opening,
    ) -> Result<SqliteLease, NotEntered> {
        match ask_the_fence(&mut lease, opening).await {
            Ok(Ok(())) => Ok(lease),
            Ok(Err(denied)) => {
                Self::rollback(lease).await;
                Err(NotEntered::Refused(denied.into()))
            }
            Err(error) => Err(NotEntered::Refused(error)),
        }
    }

    async fn commit(mut lease: SqliteLease, opening: Opening) -> Result<(), DbError> {
        // A reader has nothing to commit, and a rollback takes its tenant away, too.
        let sql = match opening.access {
            Mode::Read => ROLLBACK,
            Mode::Write => COMMIT,
        };
        match sqlx::query(sql).execute(lease.connection()).await {
            Ok(_) => {
                lease.keep();
                Ok(())
            }
            Err(error @ sqlx::Error::Database(_)) => {
                Err(DbError::of_driver::<Sqlite>("commit".into(), error))
            }
            Err(error) => Err(DbError::CommitUnknown {
                source: error.into(),
            }),
        }
    }

    async fn rollback(mut lease: SqliteLease) {
        if sqlx::query(ROLLBACK)
            .execute(lease.connection())
            .await
            .is_ok()
        {
            lease.keep();
        }
    }

    /// The platform's own work goes through the writer, as one more party in its line.
    async fn platform(cell: &SqliteCell) -> Result<SqliteLease, DbError> {
        cell.0.writer.lease(None, 1).await
    }

    /// Whoever has the only writer is alone, and each statement commits itself.
    async fn alone(cell: &SqliteCell, _: TenantId) -> Result<SqliteLease, DbError> {
        Self::platform(cell).await
    }

    /// There is nobody beside the only writer.
    async fn beside(cell: &SqliteCell, _: TenantId, _: Duration) -> Result<SqliteLease, DbError> {
        Self::platform(cell).await
    }

    async fn conclude(lease: SqliteLease) -> Result<(), DbError> {
        lease.keep();
        Ok(())
    }

    async fn survey(cell: &SqliteCell, _: Duration) -> Result<SqliteLease, DbError> {
        let mut lease = cell.0.surveyor.lease(None, 1).await?;
        sqlx::query("BEGIN")
            .execute(lease.connection())
            .await
            .map_err(|error| DbError::Unreachable {
                source: error.into(),
            })?;
        Ok(lease)
    }

    fn release(lease: SqliteLease) {
        lease.keep();
    }

    fn rests(_: &mut SqliteLease) {
        // Dropping it stops what runs, if something does.
    }

    fn learn(_: &mut SqliteLease, _: &sqlx::Error) {
        // Its connections notice a changed schema themselves.
    }

    fn is_timeout(_: &dyn DatabaseError) -> bool {
        // Whoever waits for a statement stops it, so nobody is left to be told.
        false
    }

    fn is_conflict(_: &dyn DatabaseError) -> bool {
        // There is one writer at a time, so nobody can be in its way.
        false
    }

    fn is_locked(_: &dyn DatabaseError) -> bool {
        // A writer waits for its turn before it begins.
        false
    }

    fn is_foreign_row(error: &dyn DatabaseError) -> bool {
        let message = error.message();
        message.contains(FOREIGN_ROW) || message.contains(HIDDEN)
    }

    fn is_lost(_: &dyn DatabaseError) -> bool {
        // A file has no connection to lose.
        false
    }

    fn is_exhausted(error: &dyn DatabaseError) -> bool {
        // The low byte of an extended code is the code.
        let code = error.code().and_then(|code| code.parse::<u32>().ok());
        code.is_some_and(|code| EXHAUSTED.contains(&(code & 0xff)))
    }

    fn is_too_long(error: &dyn DatabaseError) -> bool {
        error.code().as_deref() == Some(SQLITE_TOOBIG)
    }

    statements!(SqliteLease::connection, |_: &SqliteLease| Statements::Named);
}
