//! Reads that a replica answers, and those that it must not.

use std::{net::TcpListener, time::Duration};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::{
    ReadOnly, TenantContext,
    db::{CellDb, CellTx, DbError, IsolationLevel, OpenError, PostgresCell},
    isolation::Roles,
    protocol::{FenceEvent, Position},
    types::{CellId, Lifecycle, Problem as _, UnixMicros},
};
use tenancy_testkit::{Database, Direction, Postgres, Proxy, Replica};

use super::{
    admitted, budget, epoch, isolated, options, postgres, postgres_in, reader, stock, tenant,
    until, writer,
};

/// The title of tenant 1's product, and whether a replica says so.
const TITLE: &str = "select title, pg_is_in_recovery() from product where tenant_id = 1 and id = 1";

const WRITE: &str = "insert into product values (1, 1, 'mug', $1, 900, 0.5)
    on conflict (tenant_id, id) do update set title = excluded.title";

/// A cell with a replica.
struct Pair {
    primary: Postgres,
    database: Database,
    replica: Replica,
    cell: PostgresCell,
}

impl Pair {
    async fn new() -> Self {
        Self::with("select 1").await
    }

    /// With a setting that the replica has as well.
    async fn with(setting: &'static str) -> Self {
        let primary = Postgres::start().unwrap();
        let database = primary.database().unwrap();
        database.run(setting).unwrap();
        let CellDb::Postgres(cell) = postgres_in(&database, 1, options(2)).await else {
            unreachable!("it was made so");
        };
        let replica = primary.replica().unwrap();
        let address = as_app(&replica.database(&database));
        let cell = cell.with_replica(address).await.unwrap();
        Self {
            primary,
            database,
            replica,
            cell,
        }
    }

    /// Renames the product, and says where that is.
    async fn write(&self, title: &'static str) -> Position {
        let mut tx = self.cell.begin(&writer(1));
        tx.sql(WRITE).bind(title).run().await.unwrap();
        let position = tx.commit_position().await.unwrap();
        position.expect("something was written")
    }

    async fn read(
        &self,
        ctx: &TenantContext<ReadOnly>,
        seen: Option<Position>,
    ) -> Result<(String, bool), DbError> {
        let mut tx = self.cell.begin(ctx);
        if let Some(seen) = seen {
            tx = tx.after(seen);
        }
        let row = tx.sql(TITLE).one().await?;
        tx.commit().await?;
        Ok(row)
    }

    #[track_caller]
    fn check(&self, answer: Result<(String, bool), DbError>, title: &str, by_replica: bool) {
        let answer = answer.unwrap();
        assert_eq!((&*answer.0, answer.1), (title, by_replica));
    }

    /// Until the replica shows what is there by now.
    fn catch_up(&self) {
        // The log behind what was written goes on, as it does in life.
        self.database
            .run("select pg_logical_emit_message(true, 'test', '')")
            .unwrap();
        let now = self.primary.log_position().unwrap();
        self.replica.wait_for(&now).unwrap();
    }
}

fn as_app(database: &Database) -> PgConnectOptions {
    let app = Roles::named(database.name()).unwrap().app();
    database.url_as(&app).parse().unwrap()
}

#[tokio::test]
async fn a_replica_answers_whoever_has_not_seen_more_than_it_has() {
    let pair = Pair::new().await;
    let ctx = reader(1);
    let first = pair.write("first").await;
    pair.catch_up();
    pair.check(pair.read(&ctx, Some(first)).await, "first", true);
    // Who does not say what it has seen may have seen everything.
    pair.check(pair.read(&ctx, None).await, "first", false);

    pair.replica.pause_replay().unwrap();
    let second = pair.write("second").await;
    assert!(second.covers(first) && !first.covers(second));
    pair.check(pair.read(&ctx, Some(second)).await, "second", false);
    // Control: it is the position that keeps the replica from answering, and its answer would be the past.
    pair.check(pair.read(&ctx, Some(first)).await, "first", true);

    pair.replica.resume_replay().unwrap();
    pair.catch_up();
    pair.check(pair.read(&ctx, Some(second)).await, "second", true);
    // Neither another history of the log nor another cell's is this one.
    let timeline = second.timeline + 1;
    let seen = Position { timeline, ..second };
    pair.check(pair.read(&ctx, Some(seen)).await, "second", false);
}

#[tokio::test]
async fn a_replica_whose_fence_is_of_the_past_does_not_answer_for_the_present() {
    let pair = Pair::new().await;
    let seen = pair.write("first").await;
    pair.catch_up();
    pair.replica.pause_replay().unwrap();
    for (seq, lifecycle) in [(2, Lifecycle::Suspended), (3, Lifecycle::Active)] {
        let now = pair.cell.fence(tenant(1)).await.unwrap();
        let event = FenceEvent::Lifecycle {
            lifecycle,
            epoch: epoch(seq),
        };
        pair.cell.change_fence(tenant(1), now, event).await.unwrap();
    }
    let present = admitted(1, 3, budget(4)).read_only();
    pair.check(pair.read(&present, Some(seen)).await, "first", false);
    // A position of the present is not covered by the past, whoever asks.
    let newer = Position {
        epoch: epoch(3),
        ..seen
    };
    let late = pair.read(&reader(1), Some(newer)).await.unwrap_err();
    assert_eq!(late.code().as_str(), "stale_epoch");

    pair.replica.resume_replay().unwrap();
    pair.catch_up();
    pair.check(pair.read(&present, Some(seen)).await, "first", true);
    let late = pair.read(&reader(1), Some(seen)).await.unwrap_err();
    assert_eq!(late.code().as_str(), "stale_epoch");
}

#[tokio::test]
async fn without_its_replica_the_primary_answers() {
    let mut pair = Pair::new().await;
    let ctx = reader(1);
    let seen = pair.write("first").await;
    pair.catch_up();
    pair.check(pair.read(&ctx, Some(seen)).await, "first", true);
    pair.replica.crash().unwrap();
    // The first finds out, and the others do not ask.
    for _ in 0..3 {
        pair.check(pair.read(&ctx, Some(seen)).await, "first", false);
    }
}

/// Somebody who never writes.
#[tokio::test]
async fn a_reader_goes_on_where_it_has_read() {
    let pair = Pair::new().await;
    let ctx = reader(1);
    let first = pair.write("first").await;
    let read = async |seen| {
        let mut tx = CellTx::Postgres(pair.cell.begin(&ctx));
        if let Some(seen) = seen {
            tx = tx.after(seen);
        }
        let row: (String, bool) = tx.sql(TITLE).one().await.unwrap();
        let seen = tx.commit_position().await.unwrap();
        (row, seen.expect("something was read"))
    };
    let (row, at_primary) = read(None).await;
    assert_eq!(row, ("first".to_owned(), false));
    assert!(at_primary.covers(first));
    pair.catch_up();
    let (row, at_replica) = read(Some(at_primary)).await;
    assert_eq!(row, ("first".to_owned(), true));
    assert!(at_replica.covers(at_primary));

    pair.replica.pause_replay().unwrap();
    pair.write("second").await;
    let (row, newer) = read(None).await;
    assert_eq!(row, ("second".to_owned(), false));
    let (row, _) = read(Some(newer)).await;
    assert_eq!(row, ("second".to_owned(), false), "it goes backwards");
    // Control: without what the last read has seen it does.
    let (row, _) = read(Some(at_replica)).await;
    assert_eq!(row, ("first".to_owned(), true));
}

#[tokio::test]
async fn a_replica_that_is_too_far_behind_does_not_answer() {
    let pair = Pair::new().await;
    let ctx = reader(1);
    let seen = pair.write("first").await;
    let here = pair.replica.database(&pair.database);
    let strict = options(2).max_replica_lag(Duration::ZERO);
    let strict = isolated(&pair.database.url(), strict).await;
    let strict = strict.with_replica(as_app(&here)).await.unwrap();
    pair.catch_up();
    pair.replica.pause_replay().unwrap();
    pair.write("second").await;
    let mut plain = PgConnection::connect(&here.url()).await.unwrap();
    let behind = "select pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn() from pg_sleep(0.01)";
    until(&mut plain, behind).await;
    let mut tx = strict.begin(&ctx).after(seen);
    pair.check(tx.sql(TITLE).one().await, "second", false);
    // Control: who allows it to be so far behind is answered.
    pair.check(pair.read(&ctx, Some(seen)).await, "first", true);
}

#[tokio::test]
async fn a_reader_that_a_replica_ended_is_answered_by_the_primary() {
    let pair = Pair::with("alter system set max_standby_streaming_delay = 0").await;
    let ctx = reader(1);
    let seen = pair.write("first").await;
    pair.catch_up();
    let mut tx = pair.cell.begin(&ctx).after(seen);
    pair.check(tx.sql(TITLE).one().await, "first", true);
    // What replays this must be alone.
    pair.database
        .run("alter table product add column spare int")
        .unwrap();
    pair.catch_up();
    let ended: Result<(String, bool), _> = tx.sql(TITLE).one().await;
    let ended = ended.unwrap_err();
    assert!(
        matches!(
            ended,
            DbError::Conflict { .. } | DbError::Unreachable { .. }
        ),
        "{ended:?}"
    );
    pair.check(pair.read(&ctx, Some(seen)).await, "first", false);
}

/// Past bug: a cell that was left, and does not know it yet, answered whoever had written at the next one.
#[tokio::test]
async fn what_was_seen_at_a_newer_epoch_is_not_missing_at_a_sealed_primary() {
    let (cell, _) = postgres(1, options(2)).await;
    stock(&cell, 1, "of the past").await;
    for event in [
        FenceEvent::Set {
            until: UnixMicros::new(4_102_444_800_000_000),
        },
        FenceEvent::Seal,
    ] {
        let now = cell.fence(tenant(1)).await.unwrap();
        cell.change_fence(tenant(1), now, event).await.unwrap();
    }
    let CellDb::Postgres(cell) = cell else {
        unreachable!("it was made so");
    };
    let ctx = reader(1);
    let here = Position {
        cell: ctx.placement().cell,
        epoch: epoch(1),
        timeline: 1,
        log: 1,
    };
    let elsewhere = Position {
        cell: CellId::new(2).unwrap(),
        epoch: epoch(2),
        ..here
    };
    let count = async |seen| {
        let mut tx = cell.begin(&ctx).after(seen);
        let count: Result<(i64,), _> = tx.sql("select count(*) from product").one().await;
        count.map(|(count,)| count)
    };
    // Control: it does answer, and what it answers would be the past.
    assert_eq!(count(here).await.unwrap(), 1);
    let stale = count(elsewhere).await.unwrap_err();
    assert!(matches!(stale, DbError::StaleEpoch { .. }), "{stale:?}");
}

#[tokio::test]
async fn each_statement_of_its_own_snapshot_is_for_the_primary() {
    let pair = Pair::new().await;
    let ctx = reader(1);
    let seen = pair.write("first").await;
    pair.catch_up();
    for (level, by_replica) in [
        (IsolationLevel::RepeatableRead, true),
        (IsolationLevel::ReadCommitted, false),
        (IsolationLevel::Serializable, false),
    ] {
        let mut tx = pair.cell.begin_at(&ctx, level).after(seen);
        let row = tx.sql(TITLE).one().await;
        pair.check(row, "first", by_replica);
    }
}

#[tokio::test]
async fn a_silent_replica_is_not_waited_for_for_ever() {
    let (cell, url) = postgres(1, options(1).wait(Duration::from_millis(100))).await;
    let CellDb::Postgres(cell) = cell else {
        unreachable!("it was made so");
    };
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let address: PgConnectOptions = url.parse().unwrap();
    let address = address.host("127.0.0.1").port(port);
    let opening = tokio::time::timeout(Duration::from_secs(9), cell.with_replica(address));
    let silent = opening.await.expect("it waits for ever");
    assert!(
        matches!(silent, Err(OpenError::Connect { .. })),
        "{silent:?}"
    );
}

/// Past bug: the time in a tenant's own line counted as the replica's silence, and its rest was everybody's.
#[tokio::test]
async fn a_tenant_that_waits_for_itself_does_not_send_the_replica_to_rest() {
    let pair = Pair::new().await;
    let seen = pair.write("first").await;
    pair.catch_up();
    let one = admitted(1, 1, budget(1)).read_only();
    let mut held = pair.cell.begin(&one).after(seen);
    pair.check(held.sql(TITLE).one().await, "first", true);
    // Its second waits for the first, and then asks the primary.
    pair.check(pair.read(&one, Some(seen)).await, "first", false);
    // Others are answered meanwhile, also those who waited for some of the time.
    pair.check(pair.read(&reader(1), Some(seen)).await, "first", true);
    let works = async move {
        held.sql("select count(pg_sleep(0.2))")
            .one::<(i64,)>()
            .await
            .unwrap();
        held.commit().await.unwrap();
    };
    let (waited, ()) = tokio::join!(pair.read(&one, Some(seen)), works);
    waited.unwrap();
    pair.check(pair.read(&one, Some(seen)).await, "first", true);
}

/// One that has opened, and then says nothing.
#[tokio::test]
async fn a_replica_that_falls_silent_costs_one_reader_a_moment() {
    let pair = Pair::new().await;
    let ctx = reader(1);
    let seen = pair.write("first").await;
    pair.catch_up();
    let copy = pair.replica.database(&pair.database);
    let line = Proxy::start(copy.address().clone()).unwrap();
    let cell = isolated(&pair.database.url(), options(2)).await;
    let cell = cell.with_replica(as_app(&line.database(&copy)));
    let cell = cell.await.unwrap();
    let title = async || {
        let mut tx = cell.begin(&ctx).after(seen);
        let row: (String, bool) = tx.sql(TITLE).one().await.unwrap();
        tx.commit().await.unwrap();
        row.1
    };
    assert!(title().await, "control: the replica answers");
    line.hang(Direction::ToClient);
    for _ in 0..3 {
        assert!(!title().await, "the primary answers");
    }
    // Control: it rests, and is not asked though it would answer.
    line.heal();
    assert!(!title().await);
}

#[tokio::test]
async fn a_promoted_replica_is_none_any_more() {
    let pair = Pair::new().await;
    let ctx = reader(1);
    let seen = pair.write("first").await;
    pair.catch_up();
    pair.check(pair.read(&ctx, Some(seen)).await, "first", true);
    let copy = pair.replica.database(&pair.database);
    let promoted = pair.replica.promote().unwrap();
    copy.run("update product set title = 'of the promoted'")
        .unwrap();
    let mut tx = pair.cell.begin(&ctx).after(seen);
    let row: (String, bool) = tx.sql(TITLE).one().await.unwrap();
    assert_eq!(row, ("first".to_owned(), false));
    drop(promoted);
}

#[tokio::test]
async fn a_transaction_that_did_nothing_has_no_position() {
    let pair = Pair::new().await;
    let tx = pair.cell.begin(&writer(1));
    assert_eq!(tx.commit_position().await.unwrap(), None);
}

#[tokio::test]
async fn only_a_replica_of_the_same_database_for_the_same_role_is_taken() {
    let pair = Pair::new().await;
    let copy = pair.replica.database(&pair.database);
    let another = pair.primary.database().unwrap();
    postgres_in(&another, 0, options(1)).await;
    pair.catch_up();
    let addresses = [
        ("the primary", as_app(&pair.database)),
        ("a superuser", copy.url().parse().unwrap()),
        (
            "another database's",
            as_app(&pair.replica.database(&another)),
        ),
    ];
    for (what, address) in addresses {
        let refused = pair.cell.with_replica(address).await;
        assert!(
            matches!(refused, Err(OpenError::NotItsReplica { .. })),
            "{what}: {refused:?}"
        );
    }
}

crate::db::also_plain! {
    a_replica_answers_whoever_has_not_seen_more_than_it_has,
    a_replica_whose_fence_is_of_the_past_does_not_answer_for_the_present,
    what_was_seen_at_a_newer_epoch_is_not_missing_at_a_sealed_primary,
}
