use std::{borrow::Cow, future::Future, io, time::Duration};

use sqlx::{
    AssertSqlSafe, Encode, FromRow, Postgres, Row as _, Type,
    error::DatabaseError,
    postgres::{PgDatabaseError, PgRow},
};
use tenancy_types::TenantId;

use super::{
    PLATFORM_CONNECTIONS, PostgresCell, guard,
    lease::PgLease,
    messages::{self, FORGET, Guard, milliseconds},
    replica,
    seals::seal,
};
use crate::{
    db::{
        CellDatabase, DbError, Statements,
        database::{Mode, NotEntered, Opening, private::Driver, statements},
        error::Source,
        fence::{self, FenceSql, StoredFence, Value, fence_sql},
        reaper::Reaper,
    },
    isolation::sqlstate::{NOT_OURS, SEAL_EXPIRED, SEAL_INVALID, SEAL_REPLAYED},
    protocol,
};

impl CellDatabase for Postgres {}

impl Driver for Postgres {
    type Cell = PostgresCell;
    type Lease = PgLease;

    const GRACE: Duration = Duration::from_secs(1);
    const FENCES: FenceSql = fence_sql!(
        "tenancy.fence",
        "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
    );

    fn reaper(cell: &PostgresCell) -> &Reaper {
        &cell.0.reaper
    }

    async fn lease(cell: &PostgresCell, opening: Opening) -> Result<PgLease, DbError> {
        // Also of the primary: after a move the cell that was left is one that stopped at the old epoch.
        if let Some(seen) = opening.seen.filter(|seen| seen.epoch > opening.epoch) {
            return Err(DbError::StaleEpoch {
                expected: opening.epoch,
                found: seen.epoch,
            });
        }
        if let Some(entered) = replica::open(cell, opening).await {
            return Ok(entered);
        }
        let limit = opening.budget.connections.get();
        cell.0.tenants.lease(Some(opening.tenant), limit).await
    }

    async fn enter(
        cell: PostgresCell,
        mut lease: PgLease,
        opening: Opening,
    ) -> Result<PgLease, NotEntered> {
        if lease.has_entered() {
            return Ok(lease);
        }
        let seal = cell.0.key.as_ref().map(|key| seal(key, opening));
        let guard = lease.guard();
        let message = messages::begin(opening, seal.as_deref(), guard);
        let rows = sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(lease.connection());
        let rows = match answered(opening.budget.statement_timeout, rows).await {
            Ok(rows) => rows,
            Err(error) if guard != Guard::Spelled && is_another_session(&error) => {
                lease.spell_out();
                return Err(NotEntered::Lost(DbError::Unreachable {
                    source: error.into(),
                }));
            }
            Err(error) => {
                Self::learn(&mut lease, &error);
                return Err(unentered(error));
            }
        };
        lease.taught();
        match admits(opening, &rows) {
            Ok(setting) => {
                lease.entered(setting);
                Ok(lease)
            }
            Err(denied) => {
                Self::rollback(lease).await;
                Err(NotEntered::Refused(denied))
            }
        }
    }

    async fn commit(mut lease: PgLease, opening: Opening) -> Result<(), DbError> {
        let commit = format!("{}; {FORGET}", messages::commit(&lease, opening));
        let left = sqlx::raw_sql(AssertSqlSafe(commit)).execute(lease.connection());
        match answered(opening.budget.statement_timeout, left).await {
            Ok(_) => {
                lease.keep();
                Ok(())
            }
            Err(sqlx::Error::Database(refusal)) if is_not_ours(&*refusal) => Err(DbError::NotOurs),
            Err(error) => {
                Self::learn(&mut lease, &error);
                Err(uncommitted(error))
            }
        }
    }

    async fn rollback(mut lease: PgLease) {
        let done = sqlx::raw_sql(messages::ROLLBACK).execute(lease.connection());
        if answered(Duration::ZERO, done).await.is_ok() {
            lease.keep();
        }
    }

    async fn platform(cell: &PostgresCell) -> Result<PgLease, DbError> {
        cell.0.platform.lease(None, PLATFORM_CONNECTIONS).await
    }

    async fn alone(cell: &PostgresCell, tenant: TenantId) -> Result<PgLease, DbError> {
        let mut lease = cell.0.waiting.lease(Some(tenant), 1).await?;
        let wait = cell.0.options.max_write_age.saturating_add(Self::GRACE);
        guard::exclude(&mut lease, tenant, wait).await?;
        Ok(lease)
    }

    async fn beside(
        cell: &PostgresCell,
        tenant: TenantId,
        wait: Duration,
    ) -> Result<PgLease, DbError> {
        let mut lease = cell.0.fences.lease(Some(tenant), 1).await?;
        guard::beside(&mut lease, wait).await?;
        Ok(lease)
    }

    async fn conclude(mut lease: PgLease) -> Result<(), DbError> {
        // A commit that waits for a replica and is cancelled is done, and is not where it was to be.
        let commit = "SET LOCAL statement_timeout = 0; COMMIT";
        let committed = sqlx::raw_sql(commit).execute(lease.connection());
        answered(OWN_STATEMENT, committed)
            .await
            .map_err(uncommitted)?;
        lease.keep();
        Ok(())
    }

    async fn survey(cell: &PostgresCell, limit: Duration) -> Result<PgLease, DbError> {
        let mut lease = cell.0.platform.lease(None, PLATFORM_CONNECTIONS).await?;
        let timeout = milliseconds(limit);
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

    fn learn(lease: &mut PgLease, error: &sqlx::Error) {
        let stale = match error {
            sqlx::Error::Database(refusal) => is_stale_plan(&**refusal),
            _ => false,
        };
        if stale || is_lost(error) {
            lease.spoil();
        }
        // A replica ends readers that keep it from replaying, and would end the next one as well.
        let ended =
            matches!(error, sqlx::Error::Database(refusal) if Self::is_conflict(&**refusal));
        if ended || is_lost(error) {
            lease.tire();
        }
    }

    fn is_timeout(error: &dyn DatabaseError) -> bool {
        error.code().as_deref() == Some(QUERY_CANCELED)
    }

    fn is_conflict(error: &dyn DatabaseError) -> bool {
        is_stale_plan(error) || error.code().is_some_and(|code| CONFLICTS.contains(&&*code))
    }

    fn is_locked(error: &dyn DatabaseError) -> bool {
        error.code().as_deref() == Some(guard::LOCK_NOT_AVAILABLE)
    }

    fn is_foreign_row(error: &dyn DatabaseError) -> bool {
        error
            .code()
            .is_some_and(|code| code == INSUFFICIENT_PRIVILEGE || SEALS.contains(&&*code))
    }

    fn is_lost(error: &dyn DatabaseError) -> bool {
        error
            .code()
            .is_some_and(|code| GOING_AWAY.contains(&&*code) || code.starts_with(CONNECTION))
    }

    statements!(PgLease::connection, PgLease::statements);
}

/// How long a statement of the platform's own may take.
const OWN_STATEMENT: Duration = Duration::from_secs(10);

// Postgres, "PostgreSQL Error Codes" (appendix A of its documentation).
const QUERY_CANCELED: &str = "57014";
const INSUFFICIENT_PRIVILEGE: &str = "42501";
const CONNECTION: &str = "08";
/// The server stops, has crashed, or starts; or it ended a transaction in which nothing went on.
const GOING_AWAY: [&str; 4] = ["57P01", "57P02", "57P03", "25P03"];
/// There is no prepared statement of that name, or there is one.
const OTHER_SESSIONS: [&str; 2] = ["26000", "42P05"];
/// A transaction that was not alone, or a deadlock.
const CONFLICTS: [&str; 2] = ["40001", "40P01"];

/// The seal, or the setting that stands for it, is forged, expired or replayed.
const SEALS: [&str; 3] = [SEAL_INVALID, SEAL_EXPIRED, SEAL_REPLAYED];

/// What an earlier message prepared is not there, or what this one prepares is: messages of one connection reach
/// sessions that others use as well.
pub(super) fn is_another_session(error: &sqlx::Error) -> bool {
    let code = match error {
        sqlx::Error::Database(refusal) => refusal.code(),
        _ => None,
    };
    code.is_some_and(|code| OTHER_SESSIONS.contains(&&*code))
}

/// A prepared statement has another shape than it had, because a table was changed. Its code (0A000) means
/// other things as well, and its message is translated; where the server raised it is not.
fn is_stale_plan(error: &dyn DatabaseError) -> bool {
    error
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|error| error.routine() == Some("RevalidateCachedQuery"))
}

/// What the server answers within this time and a grace. A server that says nothing is no better than one
/// that is gone: whoever waits for it would keep a connection from others for ever.
pub(super) async fn answered<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(limit.saturating_add(Postgres::GRACE), work).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
    }
}

fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// The connection is gone, and what it was asked last may have been done or not.
fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(refusal) => Postgres::is_lost(&**refusal),
        _ => false,
    }
}

pub(super) fn is_not_ours(refusal: &dyn DatabaseError) -> bool {
    let code = refusal.code();
    code.is_some_and(|code| code == NOT_OURS || SEALS.contains(&&*code))
}

/// The guard did not answer.
fn unentered(error: sqlx::Error) -> NotEntered {
    match &error {
        sqlx::Error::Database(refusal)
            if refusal.code().is_some_and(|code| SEALS.contains(&&*code)) =>
        {
            NotEntered::Refused(DbError::SealRefused {
                source: error.into(),
            })
        }
        // Under one snapshot, the fence was changed since it was taken.
        sqlx::Error::Database(refusal) if Postgres::is_conflict(&**refusal) => {
            NotEntered::Refused(DbError::Conflict {
                source: error.into(),
            })
        }
        _ => {
            let died = is_lost(&error) && !is_silence(&error);
            let error = DbError::of_driver::<Postgres>("begin".into(), error);
            if died {
                NotEntered::Lost(error)
            } else {
                NotEntered::Refused(error)
            }
        }
    }
}

/// The answer of [`messages::begin`].
struct Answer {
    /// Whether it holds the writers' lock, or needs none.
    entered: bool,
    fence: StoredFence,
    /// What the guard set the tenant to, when it let the transaction in.
    setting: String,
}

/// Whether the transaction may go on, by the answer to [`messages::begin`], and what stands for its tenant.
pub(super) fn admits(opening: Opening, rows: &[PgRow]) -> Result<String, DbError> {
    let (fence, entered) = match answer(opening, rows)? {
        None => (None, None),
        Some(answer) => {
            let fence = fence::first(vec![answer.fence])?;
            (fence, answer.entered.then_some(answer.setting))
        }
    };
    match opening.access {
        Mode::Read => protocol::admits_read(fence, opening.epoch)?,
        Mode::Write => protocol::admits_write(fence, opening.epoch)?,
    }
    // Otherwise the fence is being changed, and what was read of it is about to be the past.
    entered.ok_or(DbError::Fenced { until: None })
}

/// What the guard says. Without a fence there is nothing to come into.
fn answer(opening: Opening, rows: &[PgRow]) -> Result<Option<Answer>, DbError> {
    let of_driver = |error| DbError::of_driver::<Postgres>("begin".into(), error);
    let row = rows
        .first()
        .ok_or_else(|| of_driver(sqlx::Error::RowNotFound))?;
    let Some(text) = row.try_get::<Option<&str>, _>(0).map_err(of_driver)? else {
        return Ok(None);
    };
    let answer = words(opening.tenant, text)
        .ok_or_else(|| of_driver(sqlx::Error::Decode("the guard's answer".into())))?;
    Ok(Some(answer))
}

/// The guard answers with words: `t` or `f`, the fence, and what it has set.
fn words(tenant: TenantId, text: &str) -> Option<Answer> {
    let mut words = text.split(' ');
    let entered = words.next()? == "t";
    let (state, lifecycle) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (epoch, deadline) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Answer {
        entered,
        fence: (tenant.as_i64(), state, lifecycle, epoch, deadline),
        setting: words.next()?.to_owned(),
    })
}

/// A refusal is an answer: nothing was committed. What a server, or a pooler before it, says of a lost
/// connection is none.
pub(super) fn uncommitted(error: sqlx::Error) -> DbError {
    match error {
        error if is_lost(&error) => DbError::CommitUnknown {
            source: error.into(),
        },
        sqlx::Error::Database(refusal) if Postgres::is_conflict(&*refusal) => DbError::Conflict {
            source: Box::new(sqlx::Error::Database(refusal)),
        },
        sqlx::Error::Database(_) => DbError::of_driver::<Postgres>("commit".into(), error),
        error => DbError::CommitUnknown {
            source: error.into(),
        },
    }
}
