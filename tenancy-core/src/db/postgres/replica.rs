//! Reads that a replica answers.
//!
//! A replica shows the past. So a request says what it has seen, a [`Position`], and a replica answers it only
//! when it has come as far, with the fence as it has it there. Every other read goes to the primary: one that
//! says nothing, one whose position is not covered, and one that finds the replica away.

use std::{error::Error, io, sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Postgres, Row as _,
    postgres::{PgConnectOptions, PgRow},
};
use tokio::time::timeout;

use super::{
    PostgresCell,
    clients::Clients,
    driver::{admits, answered, learn_at_begin},
    errors::unentered,
    lease::{Door, PgLease},
    messages,
    rest::{Rest, Turn},
    seals::seal,
};
use crate::{
    db::{
        CellOptions, DbError, OpenError,
        database::{IsolationLevel, Mode, NotEntered, Opening, private::Driver as _},
    },
    protocol::Position,
};

/// A replica spares the primary work, and is worth no longer a wait.
const PATIENCE: Duration = Duration::from_millis(250);

/// A replica of a cell's database, as the application reaches it.
#[derive(Debug)]
pub(super) struct Replica {
    door: Door,
    rest: Arc<Rest>,
}

/// Who answers, and whether it is a replica.
const WHO: &str = "SELECT current_database()::text || ' of cluster ' || system_identifier || ' as ' || current_user,
    pg_is_in_recovery() FROM pg_control_system()";

/// Where a replica is, and by how many milliseconds it is behind, if that is known. One that has been promoted is
/// nowhere: it is none any more. The timeline is the last restartpoint's. After a fail-over that is the old one for
/// some minutes, in which what was seen before is covered as far as the new primary has it, and what was seen since
/// is not covered.
const REPLAYED: &str = "SELECT (SELECT timeline_id FROM pg_control_checkpoint())::bigint,
    CASE WHEN pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint END,
    CASE WHEN pg_last_wal_receive_lsn() <= pg_last_wal_replay_lsn()
            AND EXISTS (SELECT FROM pg_stat_wal_receiver) THEN 0
        ELSE (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000)::bigint END";

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
        let door = Door::new(
            address,
            connections,
            options.wait(PATIENCE),
            Clients::TenantsOfReplica,
        );
        // The first reader finds a connection; if this fails, it makes its own.
        if let Ok(lease) = door.lease(None, 1).await {
            lease.keep();
        }
        Ok(Self {
            door,
            rest: Arc::default(),
        })
    }
}

async fn who(
    address: &PgConnectOptions,
    options: CellOptions,
) -> Result<(String, bool), sqlx::Error> {
    let asking = async {
        let mut connection = PgConnection::connect_with(address).await?;
        let who = sqlx::raw_sql(WHO).fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok((who.try_get(0)?, who.try_get(1)?))
    };
    answered(options.wait, asking).await
}

/// A reader's transaction on the cell's replica, or `None` when the primary is to be asked.
pub(super) async fn open(cell: &PostgresCell, opening: Opening) -> Option<PgLease> {
    let (replica, seen) = (cell.0.replica.as_ref()?, opening.seen?);
    // The fence is asked once. A later snapshot may show what has become of the tenant since, such as that it was
    // cleaned up after a move. And replicas do not know who reads what on the primary, which serializable needs
    // (Postgres' documentation, "Hot Standby").
    if opening.level != IsolationLevel::RepeatableRead {
        return None;
    }
    let turn = replica.rest.turn();
    if turn == Turn::No {
        return None;
    }
    match enter_living(cell, replica, opening, seen).await {
        Ok(lease) => {
            replica.rest.end(turn);
            lease
        }
        // Whoever waited for its own turn has not asked the replica.
        Err(DbError::Busy) => {
            replica.rest.pass(turn);
            None
        }
        Err(error) => {
            replica.rest.begin();
            let error: &dyn Error = &error;
            tracing::warn!(
                error,
                "a replica did not answer, and its reads go to the primary"
            );
            None
        }
    }
}

/// A connection that died while nobody used it says nothing about the replica, and all like it are gone then.
async fn enter_living(
    cell: &PostgresCell,
    replica: &Replica,
    opening: Opening,
    seen: Position,
) -> Result<Option<PgLease>, DbError> {
    let entered = match enter(cell, replica, opening, seen).await {
        Err(NotEntered::Lost(_)) => enter(cell, replica, opening, seen).await,
        entered => entered,
    };
    entered.map_err(NotEntered::into_error)
}

/// One message: where the replica is, then the transaction and the guard. Where it is, is asked in a transaction
/// of its own before the reader's: what was replayed by then, the reader's snapshot shows.
async fn enter(
    cell: &PostgresCell,
    replica: &Replica,
    opening: Opening,
    seen: Position,
) -> Result<Option<PgLease>, NotEntered> {
    let share = opening.budget.connections.get();
    let leased = replica.door.lease(Some(opening.tenant), share).await;
    let mut lease = leased.map_err(NotEntered::Refused)?;
    let seal = cell.0.key.as_ref().map(|key| seal(key, opening));
    let guard = lease.guard();
    let begin = messages::begin(opening, seal.as_deref(), guard);
    let message = format!("BEGIN READ ONLY; {REPLAYED}; COMMIT; {begin}");
    let rows = sqlx::raw_sql(AssertSqlSafe(message)).fetch_all(lease.connection());
    // Only this is the replica's own time; the wait for a connection is that of its readers.
    let rows = timeout(PATIENCE, rows).await;
    let rows = rows
        .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
        .map_err(|error| {
            learn_at_begin(&mut lease, guard, &error);
            unentered(error)
        })?;
    lease.taught();
    let max_lag = cell.0.options.max_replica_lag;
    let covers = |(here, _): &(&PgRow, _)| {
        position(opening, here).is_some_and(|it| it.covers(seen))
            && lag(here).is_some_and(|lag| lag <= max_lag)
    };
    let covering = rows.split_first().filter(covers);
    // Its fence is of the past as well; what it refuses, the primary may know better.
    match covering.and_then(|(_, answer)| admits(opening, answer).ok()) {
        Some(setting) => {
            lease.entered(setting);
            lease.leads_to_replica(Arc::clone(&replica.rest));
            Ok(Some(lease))
        }
        None => {
            // Its reader goes to the primary at once.
            tokio::spawn(Postgres::rollback(lease));
            Ok(None)
        }
    }
}

/// Commits, and says where the log is behind what the transaction wrote and saw. `None` when the commit was
/// answered, and that was not, or when that would not be all.
pub(in crate::db) async fn commit(
    lease: PgLease,
    opening: Opening,
) -> Result<Option<Position>, DbError> {
    let place = if lease.is_of_replica() {
        REPLAYED
    } else {
        WRITTEN
    };
    let row = super::commit::commit(lease, opening, Some(place)).await?;
    Ok(row
        .filter(|_| has_one_epoch(opening))
        .and_then(|row| position(opening, &row)))
}

/// Whether all that the transaction saw was of the epoch at which it was let in: a writer keeps the fence, and one
/// snapshot shows one. A reader of many may have seen what came after a move, where only that move's epoch says so.
fn has_one_epoch(opening: Opening) -> bool {
    opening.access == Mode::Write || opening.level != IsolationLevel::ReadCommitted
}

/// How far a replica is behind. Its clock may be behind the primary's.
fn lag(row: &PgRow) -> Option<Duration> {
    let milliseconds: Option<i64> = row.try_get(2).ok()?;
    let milliseconds = milliseconds?.max(0).try_into().ok()?;
    Some(Duration::from_millis(milliseconds))
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
