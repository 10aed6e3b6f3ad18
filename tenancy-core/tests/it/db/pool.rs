//! On Postgres: what becomes of the other connections, and of the requests that wait for one, when something
//! happens to one of them.

use std::{num::NonZeroU16, time::Duration};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tenancy_core::{
    Access, TenantContext,
    db::{BrokenConstraint, CellDb, DbError, IsolationLevel, PostgresCell},
    protocol::FenceEvent,
    types::{Kind, Problem as _, Retry, UnixMicros, WorkBudget},
};
use tenancy_testkit::{Postgres, Proxy};

use super::{SCHEMA, admitted, create, isolated, options, postgres, reader, tenant, until, writer};

const INSERT: &str = "insert into mark values (1)";
const PID: &str = "select pg_backend_pid()";
const NOBODY: &str = "select not exists (select from pg_stat_activity
    where datname = current_database() and usename like '%\\_app') from pg_sleep(0.01)";
const WORKS: &str = "select exists (select from pg_stat_activity where state = 'active'
    and datname = current_database() and usename like '%\\_app' and query = 'select count(pg_sleep(8))')
    from pg_sleep(0.01)";

async fn shop(connections: u16) -> (PostgresCell, PgConnection, String) {
    let (cell, url) = postgres(2, options(connections)).await;
    let CellDb::Postgres(cell) = cell else {
        unreachable!("a Postgres cell");
    };
    (cell, PgConnection::connect(&url).await.unwrap(), url)
}

async fn run(plain: &mut PgConnection, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    sqlx::raw_sql(sql).execute(plain).await.unwrap();
}

/// Runs it in the tenant's transaction.
async fn run_as<A: Access>(
    cell: &PostgresCell,
    ctx: &TenantContext<A>,
    sql: &'static str,
) -> Result<(), DbError> {
    let mut tx = cell.begin(ctx);
    sqlx::query(sql)
        .execute(&mut tx)
        .await
        .map_err(DbError::from_sqlx)?;
    tx.commit().await
}

async fn pid<A: Access>(cell: &PostgresCell, ctx: &TenantContext<A>) -> i32 {
    let mut tx = cell.begin(ctx);
    let pid: i32 = sqlx::query_scalar(PID).fetch_one(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    pid
}

/// Two connections that lie there, the one that is taken next last.
async fn two_that_rest(cell: &PostgresCell) -> (i32, i32) {
    let (one, two) = (writer(1), writer(2));
    let (mut below, mut above) = (cell.begin(&one), cell.begin(&two));
    let low: i32 = sqlx::query_scalar(PID).fetch_one(&mut below).await.unwrap();
    let high: i32 = sqlx::query_scalar(PID).fetch_one(&mut above).await.unwrap();
    below.commit().await.unwrap();
    above.commit().await.unwrap();
    (low, high)
}

/// Through TCP, where the server's last word arrives, and a message that comes after it is taken.
#[tokio::test]
async fn a_connection_that_the_server_ended_while_it_rested_is_replaced() {
    let database = Postgres::shared().database().unwrap();
    let mut plain = PgConnection::connect(&database.url()).await.unwrap();
    run(&mut plain, SCHEMA).await;
    let line = Proxy::start(database.address().clone()).unwrap();
    let cell = isolated(&line.database(&database).url(), options(1)).await;
    create(&CellDb::Postgres(cell.clone()), 1).await;
    let name = database.name();
    let patience = |limit: &str| {
        format!("alter role {name}_app in database {name} set idle_session_timeout = '{limit}'")
    };
    let terminate = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
        where datname = current_database() and usename like '%\\_app'";
    for (way, before, then) in [
        ("57P01", patience("0"), terminate),
        ("57P05", patience("100ms"), "select 1"),
    ] {
        run(&mut plain, terminate).await;
        run(&mut plain, &before).await;
        let first = pid(&cell, &writer(1)).await;
        run(&mut plain, then).await;
        until(&mut plain, NOBODY).await;
        let next = pid(&cell, &writer(1)).await;
        assert_ne!(first, next, "{way}: it was ended");
    }
}

/// The server is at work for them until it looks after its client.
#[tokio::test]
async fn who_gives_up_has_its_connection_until_the_server_knows() {
    let (cell, mut plain, _url) = shop(1).await;
    for _ in 0..4 {
        let busy = cell.clone();
        let working = tokio::spawn(async move {
            let mut tx = busy.begin(&writer(1));
            let slept = sqlx::query("select count(pg_sleep(8))").fetch_one(&mut tx);
            slept.await.map(drop)
        });
        until(&mut plain, WORKS).await;
        working.abort();
        assert!(working.await.unwrap_err().is_cancelled());
        // Whoever comes next waits until then: what was given up may end just now, and no more than that is there.
        run_as(&cell, &reader(2), "select 1").await.unwrap();
        let there: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
            where datname = current_database() and usename like '%\\_app'",
        )
        .fetch_one(&mut plain)
        .await
        .unwrap();
        assert!(there <= 2, "{there} for a pool of one");
    }
    // Control: a transaction in which nothing runs is given up at once.
    let quick = async {
        for _ in 0..20 {
            let mut tx = cell.begin(&writer(1));
            sqlx::query(INSERT).execute(&mut tx).await.unwrap();
            drop(tx);
        }
    };
    tokio::time::timeout(Duration::from_secs(9), quick)
        .await
        .expect("20 times half a second");
}

#[tokio::test]
async fn a_reader_may_pause_for_as_long_as_it_may_be_open() {
    let (cell, ..) = shop(1).await;
    let mut tx = cell.begin(&reader(1));
    let idle: String =
        sqlx::query_scalar("select current_setting('idle_in_transaction_session_timeout')")
            .fetch_one(&mut tx)
            .await
            .unwrap();
    // A maximum age of five minutes, and a second.
    assert_eq!(idle, "301s");
}

/// What ended it says nothing of the others.
#[tokio::test]
async fn a_pause_that_is_too_long_for_the_address_ends_one_connection() {
    let database = Postgres::shared().database().unwrap();
    let mut plain = PgConnection::connect(&database.url()).await.unwrap();
    run(&mut plain, SCHEMA).await;
    let line = Proxy::start(database.address().clone()).unwrap();
    let url = format!(
        "{}&options=-c%20idle_in_transaction_session_timeout%3D1000",
        line.database(&database).url()
    );
    let cell = isolated(&url, options(2)).await;
    for id in 1..=2 {
        create(&CellDb::Postgres(cell.clone()), id).await;
    }
    let (low, high) = two_that_rest(&cell).await;
    let ctx = writer(1);
    let mut tx = cell.begin(&ctx);
    let mine: i32 = sqlx::query_scalar(PID).fetch_one(&mut tx).await.unwrap();
    assert_eq!(mine, high);
    until(
        &mut plain,
        "select count(*) < 2 from pg_stat_activity
        where datname = current_database() and usename like '%\\_app' and pg_sleep(0.01) is not null",
    )
    .await;
    let committed = tx.commit().await.unwrap_err();
    assert!(
        matches!(committed, DbError::Unreachable { .. }),
        "nothing was committed, and that is known: {committed:?}"
    );
    assert_eq!(pid(&cell, &writer(1)).await, low, "it lies there still");
}

/// No limit of the server's runs while it commits.
#[tokio::test]
async fn a_commit_that_takes_long_says_nothing_of_the_others() {
    let (cell, mut plain, _url) = shop(2).await;
    run(
        &mut plain,
        "create function late() returns trigger language plpgsql as
            $$ begin perform pg_sleep(3); return null; end $$;
        create constraint trigger late after insert on mark deferrable initially deferred
            for each row execute function late()",
    )
    .await;
    let (low, _) = two_that_rest(&cell).await;
    let hurried = WorkBudget::new(NonZeroU16::MIN, Duration::from_millis(100));
    let ctx = admitted(1, 1, hurried).read_write().unwrap();
    let late = run_as(&cell, &ctx, INSERT).await.unwrap_err();
    assert!(matches!(late, DbError::CommitUnknown { .. }), "{late:?}");
    assert_eq!(pid(&cell, &writer(2)).await, low, "it lies there still");
}

/// What is asked about at the commit only is refused as at a statement.
#[tokio::test]
async fn a_refusal_at_the_commit_says_what_it_is() {
    let (cell, mut plain, _url) = shop(1).await;
    run(
        &mut plain,
        "alter table picture add column shelf bigint, add column code text,
            add unique (tenant_id, width) deferrable initially deferred,
            add exclude (shelf with =) deferrable initially deferred;
        create function raise_it() returns trigger language plpgsql as
            $$ begin raise exception 'as it was told' using errcode = new.code; end $$;
        create constraint trigger raise_it after insert on picture deferrable initially deferred
            for each row when (new.code is not null) execute function raise_it();
        insert into picture values (1, 1, 10, 5, null)",
    )
    .await;
    let refused = async |values: &str| {
        let sql = format!("insert into picture values (1, 2, {values})");
        let mut tx = cell.begin(&writer(1));
        sqlx::query(AssertSqlSafe(sql))
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap_err()
    };
    let twice = refused("10, 6, null").await;
    assert!(matches!(twice, DbError::Duplicate { .. }), "{twice:?}");
    let collides = refused("11, 5, null").await;
    assert!(
        matches!(
            collides,
            DbError::Constraint {
                broken: BrokenConstraint::Exclusion,
                ..
            }
        ),
        "{collides:?}"
    );
    let serial = refused("11, 6, '40001'").await;
    assert!(matches!(serial, DbError::Conflict { .. }), "{serial:?}");
    let full = refused("11, 6, '53100'").await;
    assert!(matches!(full, DbError::Unreachable { .. }), "{full:?}");
    // Control: nothing is wrong with a row that keeps the rules.
    run_as(
        &cell,
        &writer(1),
        "insert into picture values (1, 2, 11, 6, null)",
    )
    .await
    .unwrap();
}

/// Codes of Postgres' classes 53 and 58 are no mistake of the statement's.
#[tokio::test]
async fn a_server_without_room_is_away_for_a_moment() {
    let (cell, mut plain, _url) = shop(1).await;
    run(
        &mut plain,
        "create function fail_with(code text) returns integer language plpgsql as
            $$ begin raise exception 'as it was told' using errcode = code; end $$",
    )
    .await;
    let first = pid(&cell, &writer(1)).await;
    for (code, kind) in [
        ("53100", Kind::Unavailable),
        ("53200", Kind::Unavailable),
        ("53300", Kind::Unavailable),
        ("58030", Kind::Unavailable),
        // A limit that the statement will reach again, and any other code.
        ("53400", Kind::Internal),
        ("22023", Kind::Internal),
    ] {
        let mut tx = cell.begin(&writer(1));
        let failed = tx.sql("select fail_with($1)").bind(code.to_owned());
        let failed = failed.all::<(i32,)>().await.unwrap_err();
        assert_eq!(failed.kind(), kind, "{code}: {failed:?}");
        let again = failed.retry() != Retry::No;
        assert_eq!(again, kind == Kind::Unavailable, "{code}");
        tx.rollback().await;
    }
    assert_eq!(pid(&cell, &writer(1)).await, first, "and serves on");
}

#[tokio::test]
async fn a_right_that_is_missing_is_no_foreign_row() {
    let (cell, ..) = shop(1).await;
    let foreign = run_as(&cell, &writer(1), "insert into mark values (2)").await;
    let foreign = foreign.unwrap_err();
    assert!(matches!(foreign, DbError::ForeignRow { .. }), "{foreign:?}");
    let no_right = run_as(&cell, &writer(1), "insert into journal values (2, 'x')").await;
    let no_right = no_right.unwrap_err();
    assert!(
        matches!(no_right, DbError::Statement { .. }),
        "{no_right:?}"
    );
}

/// The writer itself has done nothing yet.
#[tokio::test]
async fn a_fence_that_could_not_be_lifted_leaves_no_commit_unknown() {
    let (cell, mut plain, _url) = shop(1).await;
    let now = cell.fence(tenant(1)).await.unwrap();
    let lapsed = FenceEvent::Set {
        until: UnixMicros::new(1_000),
    };
    cell.change_fence(tenant(1), now, lapsed).await.unwrap();
    run(
        &mut plain,
        "create function die() returns trigger language plpgsql security definer as
            $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
        create constraint trigger die after update on tenancy.fence deferrable initially deferred
            for each row execute function die()",
    )
    .await;
    let failed = run_as(&cell, &writer(1), INSERT).await.unwrap_err();
    assert!(matches!(failed, DbError::Unreachable { .. }), "{failed:?}");
    // Control: the change of the fence itself does not know.
    let now = cell.fence(tenant(1)).await.unwrap();
    let release = cell.change_fence(tenant(1), now, FenceEvent::Release).await;
    let release = release.unwrap_err();
    assert!(
        matches!(release, DbError::CommitUnknown { .. }),
        "{release:?}"
    );
    run(&mut plain, "drop trigger die on tenancy.fence").await;
    run_as(&cell, &writer(1), INSERT).await.unwrap();
}

/// Each of its statements may see another epoch.
#[tokio::test]
async fn a_reader_without_a_snapshot_has_no_position() {
    let (cell, ..) = shop(1).await;
    for (level, has_one) in [
        (IsolationLevel::ReadCommitted, false),
        (IsolationLevel::RepeatableRead, true),
        (IsolationLevel::Serializable, true),
    ] {
        let mut tx = cell.begin_at(&reader(1), level);
        tx.sql("select count(*) from mark")
            .one::<(i64,)>()
            .await
            .unwrap();
        let position = tx.commit_position().await.unwrap();
        assert_eq!(position.is_some(), has_one, "{level:?}");
    }
    let mut tx = cell.begin_at(&writer(1), IsolationLevel::ReadCommitted);
    tx.sql(INSERT).run().await.unwrap();
    assert!(tx.commit_position().await.unwrap().is_some(), "a writer's");
}

crate::db::also_plain! {
    a_reader_may_pause_for_as_long_as_it_may_be_open,
    a_pause_that_is_too_long_for_the_address_ends_one_connection,
    a_commit_that_takes_long_says_nothing_of_the_others,
    a_server_without_room_is_away_for_a_moment,
    a_fence_that_could_not_be_lifted_leaves_no_commit_unknown,
    a_reader_without_a_snapshot_has_no_position,
    a_connection_that_the_server_ended_while_it_rested_is_replaced,
    who_gives_up_has_its_connection_until_the_server_knows,
    a_refusal_at_the_commit_says_what_it_is,
    a_right_that_is_missing_is_no_foreign_row,
}
