use std::{borrow::Cow, time::Duration};

use sqlx::{AssertSqlSafe, Encode, FromRow, Postgres, Type, error::DatabaseError, postgres::PgRow};
use tenancy_types::TenantId;

use super::{PostgresCell, guard, lease::PgLease};
use crate::{
    db::{
        CellDatabase, DbError,
        database::{Mode, Opening, private::Driver, statements},
        error::Source,
        fence::{self, StoredFence, Value},
    },
    protocol,
};

impl CellDatabase for Postgres {}

impl Driver for Postgres {
    type Cell = PostgresCell;
    type Lease = PgLease;

    const GRACE: Duration = Duration::from_secs(1);

    async fn open(cell: &PostgresCell, opening: Opening) -> Result<PgLease, DbError> {
        let limit = opening.budget.connections.get();
        let mut lease = cell.0.lease(Some(opening.tenant), limit).await?;
        let rows = sqlx::raw_sql(AssertSqlSafe(begin(opening)))
            .fetch_all(lease.connection())
            .await
            .map_err(|error| DbError::of_driver::<Self>("begin".into(), error))?;
        if let Err(denied) = admits(opening, &rows) {
            Self::rollback(lease).await;
            return Err(denied);
        }
        Ok(lease)
    }

    async fn commit(mut lease: PgLease, opening: Opening) -> Result<(), DbError> {
        let rows = sqlx::raw_sql(AssertSqlSafe(leave(opening)))
            .fetch_all(lease.connection())
            .await;
        match rows {
            Ok(_) => {
                lease.keep();
                Ok(())
            }
            Err(sqlx::Error::Database(refusal))
                if refusal.code().as_deref() == Some(DIVISION_BY_ZERO) =>
            {
                Err(DbError::NotOurs)
            }
            Err(error) => Err(uncommitted(error)),
        }
    }

    async fn rollback(mut lease: PgLease) {
        let done = sqlx::raw_sql("ROLLBACK").execute(lease.connection()).await;
        if done.is_ok() {
            lease.keep();
        }
    }

    async fn platform(cell: &PostgresCell) -> Result<PgLease, DbError> {
        cell.0.lease(None, 1).await
    }

    async fn alone(cell: &PostgresCell, tenant: TenantId) -> Result<PgLease, DbError> {
        let mut lease = cell.0.lease(None, 1).await?;
        let wait = cell.0.options.max_write_age + Self::GRACE;
        guard::exclude(&mut lease, tenant, wait).await?;
        Ok(lease)
    }

    async fn conclude(mut lease: PgLease) -> Result<(), DbError> {
        sqlx::raw_sql("COMMIT")
            .execute(lease.connection())
            .await
            .map_err(uncommitted)?;
        lease.keep();
        Ok(())
    }

    async fn survey(cell: &PostgresCell, limit: Duration) -> Result<PgLease, DbError> {
        let mut lease = cell.0.lease(None, 1).await?;
        let timeout = limit.as_millis().max(1);
        let sql = format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {timeout}");
        sqlx::raw_sql(AssertSqlSafe(sql))
            .execute(lease.connection())
            .await
            .map_err(|error| DbError::Unreachable {
                source: error.into(),
            })?;
        Ok(lease)
    }

    fn release(lease: PgLease) {
        lease.keep();
    }

    fn is_timeout(error: &dyn DatabaseError) -> bool {
        error.code().as_deref() == Some(QUERY_CANCELED)
    }

    fn is_foreign_row(error: &dyn DatabaseError) -> bool {
        error.code().as_deref() == Some(INSUFFICIENT_PRIVILEGE)
    }

    fn is_lost(error: &dyn DatabaseError) -> bool {
        error
            .code()
            .is_some_and(|code| GOING_AWAY.contains(&&*code) || code.starts_with(CONNECTION))
    }

    statements!(PgLease::connection);
}

// Postgres, "PostgreSQL Error Codes" (appendix A of its documentation).
const DIVISION_BY_ZERO: &str = "22012";
const QUERY_CANCELED: &str = "57014";
const INSUFFICIENT_PRIVILEGE: &str = "42501";
const CONNECTION: &str = "08";
/// The server stops, has crashed, or starts.
const GOING_AWAY: [&str; 3] = ["57P01", "57P02", "57P03"];

/// One message: the transaction, its settings, a writer's lock, and the question to the fence.
fn begin(opening: Opening) -> String {
    let tenant = opening.tenant;
    let (mode, enter) = match opening.access {
        // One snapshot for all its statements, as SQLite gives it; the fence is read in it, too.
        Mode::Read => ("REPEATABLE READ READ ONLY", String::new()),
        // The fence must be seen as it is when the lock is held, not as it was when the transaction began.
        Mode::Write => ("READ COMMITTED READ WRITE", guard::enter(tenant) + ";"),
    };
    // 0 would mean no limit.
    let timeout = opening.budget.statement_timeout.as_millis().max(1);
    format!(
        "BEGIN ISOLATION LEVEL {mode}; \
         SET LOCAL app.tenant_id = '{tenant}'; \
         SET LOCAL statement_timeout = {timeout}; \
         {enter} \
         SELECT tenant_id, state, lifecycle, epoch, deadline FROM tenancy_fence WHERE tenant_id = {tenant}"
    )
}

/// Whether the transaction may go on, by the answers to [`begin`].
fn admits(opening: Opening, rows: &[PgRow]) -> Result<(), DbError> {
    let unread = |error| DbError::of_driver::<Postgres>("begin".into(), error);
    let (entered, fences) = match (opening.access, rows) {
        (Mode::Write, [entered, fences @ ..]) => (guard::entered(entered).map_err(unread)?, fences),
        (_, fences) => (true, fences),
    };
    let fences: Result<_, _> = fences.iter().map(StoredFence::from_row).collect();
    let found = fence::first(fences.map_err(unread)?)?;
    match opening.access {
        Mode::Read => protocol::admits_read(found, opening.epoch)?,
        Mode::Write => protocol::admits_write(found, opening.epoch)?,
    }
    // The fence is being changed, and what was read of it is about to be the past.
    if entered {
        Ok(())
    } else {
        Err(DbError::Fenced)
    }
}

/// A refusal is an answer: nothing was committed.
fn uncommitted(error: sqlx::Error) -> DbError {
    match error {
        sqlx::Error::Database(_) => DbError::of_driver::<Postgres>("commit".into(), error),
        error => DbError::CommitUnknown {
            source: error.into(),
        },
    }
}

/// One message: raises unless the transaction is still open and the tenant's, then commits. A plain commit
/// of an aborted transaction would answer that all is well.
fn leave(opening: Opening) -> String {
    format!(
        "SELECT 1 / (current_setting('app.tenant_id', true) = '{}')::int; COMMIT",
        opening.tenant
    )
}
