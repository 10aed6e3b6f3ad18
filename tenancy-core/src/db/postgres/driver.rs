use std::{borrow::Cow, future::Future, io, time::Duration};

use sqlx::{
    AssertSqlSafe, Encode, FromRow, Postgres, Row as _, Type, error::DatabaseError, postgres::PgRow,
};
use tenancy_types::TenantId;

use super::{
    PLATFORM_CONNECTIONS, PostgresCell,
    commit::commit,
    errors::{
        self, is_another_session, is_conflict, is_lost_to_all, is_of_replica, is_silence,
        is_stale_plan, uncommitted, unentered,
    },
    guard,
    lease::PgLease,
    messages::{self, Guard, milliseconds},
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
    protocol::{self, Fence},
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

    fn lease_at_once(cell: &PostgresCell, opening: Opening) -> Option<PgLease> {
        // Whoever has seen something is to be compared with it, and may be a replica's.
        if opening.seen.is_some() {
            return None;
        }
        let limit = opening.budget.connections.get();
        cell.0.tenants.lease_at_once(Some(opening.tenant), limit)
    }

    async fn lease(cell: PostgresCell, opening: Opening) -> Result<PgLease, DbError> {
        // Also of the primary: after a move the cell that was left is one that stopped at the old epoch.
        if let Some(seen) = opening.seen.filter(|seen| seen.epoch > opening.epoch) {
            return Err(DbError::StaleEpoch {
                expected: opening.epoch,
                found: seen.epoch,
            });
        }
        if let Some(entered) = replica::open(&cell, opening).await {
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
            Err(error) => {
                learn_at_begin(&mut lease, guard, &error);
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

    async fn commit(lease: PgLease, opening: Opening) -> Result<(), DbError> {
        commit(lease, opening, None).await.map(drop)
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
        let committed = sqlx::raw_sql("COMMIT").execute(lease.connection());
        match answered(OWN_STATEMENT, committed).await {
            Ok(_) => {
                lease.keep();
                Ok(())
            }
            Err(error) => {
                Self::learn(&mut lease, &error);
                Err(uncommitted(OWN_STATEMENT, error))
            }
        }
    }

    async fn survey(cell: &PostgresCell, limit: Duration) -> Result<PgLease, DbError> {
        let mut lease = cell.0.platform.lease(None, PLATFORM_CONNECTIONS).await?;
        let timeout = milliseconds(limit);
        let sql = format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {timeout}");
        let begun = sqlx::raw_sql(AssertSqlSafe(sql)).execute(lease.connection());
        match answered(OWN_STATEMENT, begun).await {
            Ok(_) => Ok(lease),
            Err(error) => {
                Self::learn(&mut lease, &error);
                Err(DbError::Unreachable {
                    source: error.into(),
                })
            }
        }
    }

    fn release(lease: PgLease) {
        lease.keep();
    }

    fn rests(lease: &mut PgLease) {
        lease.rests();
    }

    fn learn(lease: &mut PgLease, error: &sqlx::Error) {
        // One that says nothing may still be at it.
        if !is_silence(error) {
            lease.rests();
        }
        let stale = matches!(error, sqlx::Error::Database(refusal) if is_stale_plan(&**refusal));
        if stale || is_lost_to_all(error) {
            lease.spoil();
        }
        // A replica ends readers that keep it from replaying, and would end the next one as well.
        let ended = matches!(error, sqlx::Error::Database(refusal) if is_conflict(&**refusal));
        if ended || is_silence(error) || is_lost_to_all(error) {
            lease.tire();
        }
    }

    fn is_timeout(error: &dyn DatabaseError) -> bool {
        errors::is_timeout(error)
    }

    fn is_conflict(error: &dyn DatabaseError) -> bool {
        errors::is_conflict(error)
    }

    fn is_locked(error: &dyn DatabaseError) -> bool {
        errors::is_locked(error)
    }

    fn is_foreign_row(error: &dyn DatabaseError) -> bool {
        errors::is_foreign_row(error)
    }

    fn is_lost(error: &dyn DatabaseError) -> bool {
        errors::is_last_word(error)
    }

    fn is_exhausted(error: &dyn DatabaseError) -> bool {
        errors::is_exhausted(error)
    }

    fn is_too_long(error: &dyn DatabaseError) -> bool {
        errors::is_too_long(error)
    }

    statements!(PgLease::connection, PgLease::statements);
}

/// How long a statement of the platform's own may take.
const OWN_STATEMENT: Duration = Duration::from_secs(10);

/// As [`Driver::learn`], of what came instead of the answer to a message that begins a transaction. Silence on a
/// connection that has rested is that of a line which broke meanwhile, and broke for the others, too.
pub(super) fn learn_at_begin(lease: &mut PgLease, guard: Guard, error: &sqlx::Error) {
    Postgres::learn(lease, error);
    if guard != Guard::Spelled && is_another_session(error) {
        lease.spell_out();
    }
    if is_of_replica(error) || (is_silence(error) && lease.has_rested()) {
        lease.spoil();
    }
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

/// The answer of [`messages::begin`].
struct Answer<'r> {
    /// Whether it holds the writers' lock, or needs none.
    entered: bool,
    fence: Fence,
    /// What the guard set the tenant to, when it let the transaction in.
    setting: &'r str,
}

/// Whether the transaction may go on, by the answer to [`messages::begin`], and what stands for its tenant.
pub(super) fn admits(opening: Opening, rows: &[PgRow]) -> Result<String, DbError> {
    let (fence, entered) = match answer(opening, rows)? {
        None => (None, None),
        Some(answer) => {
            let setting = answer.entered.then(|| answer.setting.to_owned());
            (Some(answer.fence), setting)
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
fn answer(opening: Opening, rows: &[PgRow]) -> Result<Option<Answer<'_>>, DbError> {
    let of_driver = |error| DbError::of_driver::<Postgres>("begin".into(), error);
    let row = rows
        .first()
        .ok_or_else(|| of_driver(sqlx::Error::RowNotFound))?;
    let Some(text) = row.try_get::<Option<&str>, _>(0).map_err(of_driver)? else {
        return Ok(None);
    };
    let answer = words(opening.tenant, text)
        .ok_or_else(|| of_driver(sqlx::Error::Decode("the guard's answer".into())))?;
    answer.map(Some)
}

/// The guard answers with words: `t` or `f`, the fence, and what it has set.
fn words(tenant: TenantId, text: &str) -> Option<Result<Answer<'_>, DbError>> {
    let mut words = text.split(' ');
    let entered = words.next()? == "t";
    let (state, lifecycle) = (words.next()?, words.next()?);
    let (epoch, deadline) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let setting = words.next()?;
    let fence = fence::load(tenant.as_i64(), (state, lifecycle), epoch, deadline);
    Some(fence.map(|(_, fence)| Answer {
        entered,
        fence,
        setting,
    }))
}
