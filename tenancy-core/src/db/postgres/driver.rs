use std::{borrow::Cow, time::Duration};

use sqlx::{AssertSqlSafe, Encode, FromRow, Postgres, Type, error::DatabaseError};

use super::{PostgresCell, lease::PgLease};
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
            .map_err(|error| match error {
                sqlx::Error::Database(_) => DbError::Statement {
                    sql: "begin".into(),
                    source: error.into(),
                },
                error => DbError::Unreachable {
                    source: error.into(),
                },
            })?;
        let rows = rows
            .iter()
            .map(StoredFence::from_row)
            .collect::<Result<_, _>>();
        let found = fence::first(rows.map_err(|error: sqlx::Error| DbError::Decode {
            sql: "begin".into(),
            source: error.into(),
        })?)?;
        let admitted = match opening.access {
            Mode::Read => protocol::admits_read(found, opening.epoch),
            Mode::Write => protocol::admits_write(found, opening.epoch),
        };
        match admitted {
            Ok(()) => Ok(lease),
            Err(denied) => {
                Self::rollback(lease).await;
                Err(denied.into())
            }
        }
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
            Err(error @ sqlx::Error::Database(_)) => Err(DbError::Statement {
                sql: "commit".into(),
                source: error.into(),
            }),
            Err(error) => Err(DbError::CommitUnknown {
                source: error.into(),
            }),
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

    statements!(PgLease::connection);
}

// Postgres, "PostgreSQL Error Codes" (appendix A of its documentation).
const DIVISION_BY_ZERO: &str = "22012";
const QUERY_CANCELED: &str = "57014";
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// One message: the transaction, its settings, and the question to the fence.
fn begin(opening: Opening) -> String {
    let mode = match opening.access {
        // One snapshot for all its statements, as SQLite gives it; the fence is read in it, too.
        Mode::Read => "REPEATABLE READ READ ONLY",
        // The fence must be seen as it is, not as it was when an earlier statement began.
        Mode::Write => "READ COMMITTED READ WRITE",
    };
    let tenant = opening.tenant;
    // 0 would mean no limit.
    let timeout = opening.budget.statement_timeout.as_millis().max(1);
    format!(
        "BEGIN ISOLATION LEVEL {mode}; \
         SET LOCAL app.tenant_id = '{tenant}'; \
         SET LOCAL statement_timeout = {timeout}; \
         SELECT tenant_id, state, lifecycle, epoch, deadline FROM tenancy_fence WHERE tenant_id = {tenant}"
    )
}

/// One message: raises unless the transaction is still open and the tenant's, then commits. A plain commit
/// of an aborted transaction would answer that all is well.
fn leave(opening: Opening) -> String {
    format!(
        "SELECT 1 / (current_setting('app.tenant_id', true) = '{}')::int; COMMIT",
        opening.tenant
    )
}
