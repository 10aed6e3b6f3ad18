//! Reads that a replica answers.
//!
//! A replica shows the past. So a request says what it has seen, a [`Position`], and a replica answers it only
//! when it has come as far, with the fence as it has it there. Every other read goes to the primary: one that
//! says nothing, one whose position is not covered, and one that finds the replica away.

use std::{
    error::Error,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Connection as _, Either, PgConnection, Postgres, Row as _,
    postgres::{PgConnectOptions, PgRow},
};
use tenancy_types::{Clock as _, Nanos, SystemClock};

use super::{
    PostgresCell,
    driver::{admits, answered, begin, is_not_ours, leave, uncommitted},
    lease::{Check, Door, PgLease},
    seals::seal,
};
use crate::{
    db::{
        CellOptions, DbError, OpenError,
        database::{IsolationLevel, Opening, private::Driver as _},
    },
    protocol::Position,
};

/// A replica spares the primary work, and is worth no longer a wait.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long a replica that did not answer is not asked again.
const REST: Duration = Duration::from_secs(5);

/// A replica of a cell's database, as the application reaches it.
#[derive(Debug)]
pub(super) struct Replica {
    door: Door,
    rests_until: Mutex<Nanos>,
}

/// Who answers, and whether it is a replica.
const WHO: &str = "SELECT current_database()::text || ' of cluster ' || system_identifier || ' as ' || current_user,
    pg_is_in_recovery() FROM pg_control_system()";

/// Where a replica is. Asked in a transaction of its own before the reader's: what was replayed by then, the
/// reader's snapshot shows. One that has been promoted is nowhere: it is none any more.
const REPLAYED: &str = "BEGIN READ ONLY;
    SELECT (SELECT timeline_id FROM pg_control_checkpoint())::bigint,
        CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint END;
    COMMIT";

/// Where a primary is. The first eight digits of a file of its log are the timeline.
const WRITTEN: &str =
    "SELECT ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint,
    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint";

impl Replica {
    /// A replica of the database behind this door.
    pub(super) async fn of(
        primary: &Door,
        address: PgConnectOptions,
        options: CellOptions,
    ) -> Result<Self, OpenError> {
        let (ours, _) = who(primary.address(), options).await?;
        let (theirs, follows) = who(&address, options).await?;
        if ours != theirs || !follows {
            return Err(OpenError::NotItsReplica {
                expected: ours.into(),
                found: theirs.into(),
            });
        }
        let connections = options.connections.get();
        Ok(Self {
            door: Door::new(address, connections, options.wait(PATIENCE), Check::Use),
            rests_until: Mutex::default(),
        })
    }

    fn rests_until(&self) -> MutexGuard<'_, Nanos> {
        // A number is always whole.
        self.rests_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

async fn who(
    address: &PgConnectOptions,
    options: CellOptions,
) -> Result<(String, bool), sqlx::Error> {
    let asking = async {
        let mut connection = PgConnection::connect_with(address).await?;
        let who = sqlx::query_as(WHO).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(who)
    };
    answered(options.wait, asking).await
}

/// A reader's transaction on the cell's replica, or `None` when the primary is to be asked.
pub(super) async fn open(cell: &PostgresCell, opening: Opening) -> Option<PgLease> {
    let (replica, seen) = (cell.0.replica.as_ref()?, opening.seen?);
    let rests = SystemClock.now() < *replica.rests_until();
    // The fence is asked once. A later snapshot may show what has become of the tenant since, such as that it was
    // cleaned up after a move. And replicas do not know who reads what on the primary, which serializable needs
    // (Postgres' documentation, "Hot Standby").
    if rests || opening.level != IsolationLevel::RepeatableRead {
        return None;
    }
    match enter(cell, &replica.door, opening, seen).await {
        Ok(lease) => lease,
        Err(DbError::Busy) => None,
        Err(error) => {
            *replica.rests_until() = SystemClock.now().after(REST);
            let error: &dyn Error = &error;
            tracing::warn!(
                error,
                "a replica did not answer, and its reads go to the primary"
            );
            None
        }
    }
}

/// One message: where the replica is, then the transaction and the guard.
async fn enter(
    cell: &PostgresCell,
    door: &Door,
    opening: Opening,
    seen: Position,
) -> Result<Option<PgLease>, DbError> {
    let share = opening.budget.connections.get();
    let mut lease = door.lease(Some(opening.tenant), share).await?;
    let seal = cell.0.key.as_ref().map(|key| seal(key, opening));
    let message = format!("{REPLAYED}; {}", begin(opening, seal.as_deref()));
    let rows = sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(lease.connection());
    let rows = answered(PATIENCE, rows).await.map_err(|error| {
        Postgres::learn(&mut lease, &error);
        DbError::of_driver::<Postgres>("begin on a replica".into(), error)
    })?;
    let covers =
        |(here, _): &(&PgRow, _)| position(opening, here).is_some_and(|it| it.covers(seen));
    let covering = rows.split_first().filter(covers);
    // Its fence is of the past as well; what it refuses, the primary may know better.
    match covering.and_then(|(_, answer)| admits(opening, answer).ok()) {
        Some(setting) => {
            lease.entered(setting);
            Ok(Some(lease))
        }
        None => {
            Postgres::rollback(lease).await;
            Ok(None)
        }
    }
}

/// Commits a writer's transaction, and says where the log is behind it. `None` when the commit was answered,
/// and that was not.
pub(in crate::db) async fn commit(
    mut lease: PgLease,
    opening: Opening,
) -> Result<Option<Position>, DbError> {
    let message = format!("{}; {WRITTEN}", leave(&lease, opening));
    let mut done = 0;
    let answers = async {
        let mut answers = sqlx::raw_sql(AssertSqlSafe(message)).fetch_many(lease.connection());
        let mut last = None;
        while let Some(answer) = answers.try_next().await? {
            match answer {
                Either::Left(_) => done += 1,
                Either::Right(row) => last = Some(row),
            }
        }
        Ok(last)
    };
    match answered(opening.budget.statement_timeout, answers).await {
        Ok(row) => {
            lease.keep();
            Ok(row.and_then(|row| position(opening, &row)))
        }
        Err(_) if done >= 2 => Ok(None),
        Err(sqlx::Error::Database(refusal)) if is_not_ours(&*refusal) => Err(DbError::NotOurs),
        Err(error) => Err(uncommitted(error)),
    }
}

/// A database that admits the request has the request's epoch.
fn position(opening: Opening, row: &PgRow) -> Option<Position> {
    let timeline: i64 = row.try_get(0).ok()?;
    let log: Option<i64> = row.try_get(1).ok()?;
    Some(Position {
        cell: opening.cell,
        epoch: opening.epoch,
        timeline: timeline.try_into().ok()?,
        log: log?.try_into().ok()?,
    })
}
