//! Draining: a fence that is set first, and then waits for the writers that were let in before.

use std::time::Duration;

use tenancy_core::{
    db::{CellDb, DbError, Drain, IsolationLevel, Stragglers},
    protocol::{Fence, FenceEvent, FenceState},
    types::{Clock as _, Epoch, Kind, Lifecycle, Problem as _, SystemClock, UnixMicros},
};
use tenancy_testkit::{Postgres, Proxy};

use super::{
    Sqlite, isolated, options, postgres, postgres_in, tenant, writer,
    writers::{connect, count, somebody_waits},
};

const INSERT: &str = "insert into product values ($1, $2, $3, 'Mug', null, 0.5)";

/// In the year 2100: no fence of these tests lifts itself.
const UNTIL: UnixMicros = UnixMicros::new(4_102_444_800_000_000);

const ACTIVE: Fence = Fence {
    state: FenceState::Active,
    lifecycle: Lifecycle::Active,
    epoch: Epoch::FIRST,
};

const FENCED: Fence = Fence {
    state: FenceState::Fenced { until: UNTIL },
    ..ACTIVE
};

const CREATE: FenceEvent = FenceEvent::Create {
    lifecycle: Lifecycle::Active,
    epoch: Epoch::FIRST,
};

/// Longer than any test takes, or no time at all.
const PATIENT: Duration = Duration::from_secs(60);
const HASTY: Duration = Duration::from_millis(1);

const fn drain(wait: Duration, stragglers: Stragglers) -> Drain {
    Drain {
        until: UNTIL,
        wait,
        stragglers,
    }
}

async fn insert(cell: &CellDb, id: u32, product: i64) -> Result<u64, DbError> {
    cell.scope(&writer(id), async |tx| {
        tx.sql(INSERT)
            .bind(i64::from(id))
            .bind(product)
            .bind(format!("product {product}"))
            .run()
            .await
    })
    .await
}

#[track_caller]
fn remain(error: &DbError) {
    assert!(matches!(error, DbError::WritersRemain { .. }), "{error:?}");
    assert_eq!(error.kind(), Kind::Unavailable);
}

#[tokio::test]
async fn a_drained_tenant_is_read_and_not_written_and_draining_twice_is_once() {
    let sqlite = Sqlite::new(1, options(2)).await;
    for cell in [sqlite.cell, postgres(1, options(2)).await.0] {
        insert(&cell, 1, 1).await.unwrap();
        // As it was before, and as it is after the first time.
        for expected in [ACTIVE, ACTIVE, FENCED] {
            let fence = cell
                .drain(tenant(1), expected, drain(PATIENT, Stragglers::Unfence))
                .await
                .unwrap();
            assert_eq!(fence, FENCED);
            assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(FENCED));
        }
        let refused = insert(&cell, 1, 2).await.unwrap_err();
        assert!(
            matches!(refused, DbError::Fenced { until: Some(UNTIL) }),
            "{refused:?}"
        );
        let reader = super::reader(1);
        let read: Vec<(i64,)> = cell
            .scope(&reader, async |tx| {
                tx.sql("select id from product where tenant_id = 1")
                    .all()
                    .await
            })
            .await
            .unwrap();
        assert_eq!(read, [(1,)]);
        let released = cell
            .change_fence(tenant(1), Some(FENCED), FenceEvent::Release)
            .await
            .unwrap();
        assert_eq!(released, ACTIVE);
        insert(&cell, 1, 2).await.unwrap();
    }
}

#[tokio::test]
async fn a_drain_of_another_fence_than_there_is_changes_nothing() {
    let sqlite = Sqlite::new(1, options(2)).await;
    for cell in [sqlite.cell, postgres(1, options(2)).await.0] {
        let how = drain(PATIENT, Stragglers::Terminate);
        let newer = Fence {
            epoch: Epoch::new(0, 2),
            ..ACTIVE
        };
        for expected in [newer, FENCED] {
            let error = cell.drain(tenant(1), expected, how).await.unwrap_err();
            let found = Some(ACTIVE);
            assert!(
                matches!(error, DbError::FenceChanged { found: it, .. } if it == found),
                "{error:?}"
            );
        }
        let sealed = Fence {
            state: FenceState::Sealed,
            ..ACTIVE
        };
        let error = cell.drain(tenant(1), sealed, how).await.unwrap_err();
        assert!(matches!(error, DbError::Rejected(_)), "{error:?}");
        assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(ACTIVE));
    }
}

#[tokio::test]
async fn a_drain_sets_the_fence_and_then_waits() {
    let (cell, url) = postgres(1, options(4)).await;
    let mut plain = connect(&url).await;
    let ctx = writer(1);
    let mut open = cell.begin(&ctx);
    let first = open.sql(INSERT).bind(1_i64).bind(1_i64).bind("one");
    first.run().await.unwrap();
    let draining = tokio::spawn({
        let cell = cell.clone();
        async move {
            let how = drain(PATIENT, Stragglers::Unfence);
            cell.drain(tenant(1), ACTIVE, how).await
        }
    });
    somebody_waits(&mut plain).await;
    // The fence stands already, whatever becomes of whoever waits.
    assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(FENCED));
    assert!(matches!(
        insert(&cell, 1, 2).await,
        Err(DbError::Fenced { .. })
    ));
    assert!(!draining.is_finished());
    let last = open.sql(INSERT).bind(1_i64).bind(3_i64).bind("three");
    last.run().await.unwrap();
    open.commit().await.unwrap();
    assert_eq!(draining.await.unwrap().unwrap(), FENCED);
    assert_eq!(count(&mut plain).await, 2);
}

#[tokio::test]
async fn writers_that_do_not_end_in_time_go_on() {
    let sqlite = Sqlite::new(1, options(2)).await;
    for cell in [sqlite.cell, postgres(1, options(2)).await.0] {
        let ctx = writer(1);
        let mut open = cell.begin(&ctx);
        let first = open.sql(INSERT).bind(1_i64).bind(1_i64).bind("one");
        first.run().await.unwrap();
        let how = drain(HASTY, Stragglers::Unfence);
        let error = cell.drain(tenant(1), ACTIVE, how).await.unwrap_err();
        remain(&error);
        open.commit().await.unwrap();
        assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(ACTIVE));
        insert(&cell, 1, 2).await.unwrap();
        let how = drain(PATIENT, Stragglers::Unfence);
        assert_eq!(cell.drain(tenant(1), ACTIVE, how).await.unwrap(), FENCED);
    }
}

/// On SQLite nobody's transaction is ended from outside.
#[tokio::test]
async fn on_sqlite_a_writer_is_not_ended() {
    let sqlite = Sqlite::new(1, options(2)).await;
    let ctx = writer(1);
    let mut open = sqlite.cell.begin(&ctx);
    let first = open.sql(INSERT).bind(1_i64).bind(1_i64).bind("one");
    first.run().await.unwrap();
    let how = drain(HASTY, Stragglers::Terminate);
    remain(&sqlite.cell.drain(tenant(1), ACTIVE, how).await.unwrap_err());
    open.commit().await.unwrap();
}

/// Also when they use every connection of the pool.
async fn stragglers_at(level: IsolationLevel) {
    let (cell, url) = postgres(2, options(1)).await;
    let other = isolated(&url, options(1)).await;
    let CellDb::Postgres(this) = &cell else {
        unreachable!("it was made so");
    };
    let mut plain = connect(&url).await;
    let (one, two) = (writer(1), writer(2));
    let mut stuck = this.begin_at(&one, level);
    let first = stuck.sql(INSERT).bind(1_i64).bind(1_i64).bind("lost");
    first.run().await.unwrap();
    let mut neighbour = other.begin_at(&two, level);
    let first = neighbour.sql(INSERT).bind(2_i64).bind(1_i64).bind("kept");
    first.run().await.unwrap();

    let how = drain(HASTY, Stragglers::Unfence);
    remain(&cell.drain(tenant(1), ACTIVE, how).await.unwrap_err());
    assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(ACTIVE));
    let how = drain(HASTY, Stragglers::Terminate);
    let fence = cell.drain(tenant(1), ACTIVE, how).await.unwrap();
    assert_eq!(fence, FENCED, "{level:?}");

    let next = stuck.sql(INSERT).bind(1_i64).bind(2_i64).bind("lost, too");
    let ended = next.run().await.unwrap_err();
    assert!(matches!(ended, DbError::Unreachable { .. }), "{ended:?}");
    neighbour.commit().await.unwrap();
    assert_eq!(count(&mut plain).await, 1, "the neighbour's");
}

/// However long the drain would wait: the fence lifts itself then.
#[tokio::test]
async fn a_drain_does_not_outlast_its_fence() {
    let (cell, _) = postgres(1, options(2)).await;
    let ctx = writer(1);
    let mut open = cell.begin(&ctx);
    let first = open.sql(INSERT).bind(1_i64).bind(1_i64).bind("one");
    first.run().await.unwrap();
    let soon = SystemClock.unix().get() + 300_000;
    let how = Drain {
        until: UnixMicros::new(soon),
        wait: Duration::MAX,
        stragglers: Stragglers::Unfence,
    };
    let draining = cell.drain(tenant(1), ACTIVE, how);
    // The writer stays until the drain is over.
    let error = tokio::time::timeout(Duration::from_secs(9), draining)
        .await
        .expect("the drain outlasts its fence")
        .unwrap_err();
    remain(&error);
    assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(ACTIVE));
    open.commit().await.unwrap();
    insert(&cell, 1, 2).await.unwrap();
}

/// What goes wrong on the way leaves no fence behind.
#[tokio::test]
async fn a_drain_that_cannot_end_stragglers_lifts_its_fence() {
    let database = Postgres::shared().database().unwrap();
    postgres_in(&database, 1, options(2)).await;
    let line = Proxy::start(database.address().clone()).unwrap();
    let cell = isolated(&line.database(&database).url(), options(2)).await;
    let cell = CellDb::Postgres(cell);
    let ctx = writer(1);
    let mut open = cell.begin(&ctx);
    let first = open.sql(INSERT).bind(1_i64).bind(1_i64).bind("one");
    first.run().await.unwrap();
    let hasty = drain(HASTY, Stragglers::Unfence);
    // Both connections of the mover are there by then.
    remain(&cell.drain(tenant(1), ACTIVE, hasty).await.unwrap_err());
    let waiting = cell.change_fence(tenant(2), None, CREATE);
    waiting.await.unwrap();
    line.refuse();
    let how = drain(HASTY, Stragglers::Terminate);
    let error = cell.drain(tenant(1), ACTIVE, how).await.unwrap_err();
    assert!(matches!(error, DbError::Unreachable { .. }), "{error:?}");
    line.heal();
    assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(ACTIVE));
    open.commit().await.unwrap();
    let how = drain(PATIENT, Stragglers::Unfence);
    assert_eq!(cell.drain(tenant(1), ACTIVE, how).await.unwrap(), FENCED);
}

#[tokio::test]
async fn stragglers_are_ended_and_nobody_else() {
    stragglers_at(IsolationLevel::ReadCommitted).await;
}

/// Their one snapshot has them hold the fence's row, so that not even the fence can be set before they end.
#[tokio::test]
async fn stragglers_under_one_snapshot_are_ended() {
    stragglers_at(IsolationLevel::RepeatableRead).await;
}

#[tokio::test]
async fn stragglers_that_are_serializable_are_ended() {
    stragglers_at(IsolationLevel::Serializable).await;
}

#[tokio::test]
async fn prepared_transactions_are_named_before_anything_is_done() {
    let mut cluster = Postgres::start().unwrap();
    let database = cluster.database().unwrap();
    database
        .run("alter system set max_prepared_transactions = 2")
        .unwrap();
    cluster.stop().unwrap();
    cluster.start_again().unwrap();
    let cell = postgres_in(&database, 2, options(2)).await;
    let mut plain = connect(&database.url()).await;
    // As a writer that entered and then said PREPARE TRANSACTION, which a tenant's transaction refuses.
    let prepare = |id: u32| {
        format!(
            "begin; select pg_advisory_xact_lock_shared((1414415193::bigint << 32) | {id});
             insert into product values ({id}, 1, 'late', 'Mug', null, 0.5);
             prepare transaction 'late of {id}'"
        )
    };
    for id in [1, 2] {
        let sql = sqlx::AssertSqlSafe(prepare(id));
        sqlx::raw_sql(sql).execute(&mut plain).await.unwrap();
    }
    let named = async || {
        let how = drain(HASTY, Stragglers::Terminate);
        let error = cell.drain(tenant(1), ACTIVE, how).await.unwrap_err();
        let DbError::Prepared { transactions, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(transactions, &["late of 1"]);
        assert_eq!(error.kind(), Kind::Conflict);
        assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(ACTIVE));
    };
    named().await;
    // They outlive the server's processes, and their locks are named otherwise then.
    cluster.stop().unwrap();
    cluster.start_again().unwrap();
    named().await;
    let mut plain = connect(&database.url()).await;
    let end = "rollback prepared 'late of 1'";
    sqlx::raw_sql(end).execute(&mut plain).await.unwrap();
    let how = drain(PATIENT, Stragglers::Unfence);
    assert_eq!(cell.drain(tenant(1), ACTIVE, how).await.unwrap(), FENCED);
}

crate::db::also_plain! {
    a_drained_tenant_is_read_and_not_written_and_draining_twice_is_once,
    a_drain_of_another_fence_than_there_is_changes_nothing,
    a_drain_sets_the_fence_and_then_waits,
    writers_that_do_not_end_in_time_go_on,
    a_drain_does_not_outlast_its_fence,
    a_drain_that_cannot_end_stragglers_lifts_its_fence,
    stragglers_are_ended_and_nobody_else,
    stragglers_that_are_serializable_are_ended,
    stragglers_under_one_snapshot_are_ended,
    prepared_transactions_are_named_before_anything_is_done,
}
