//! What a function that a statement calls leaves in the session, with a pool of one: settings and locks that do
//! not end with the transaction. The next borrower has the same session, and finds nothing of it.

use sqlx::{Connection as _, PgConnection, Row as _, postgres::PgPoolOptions};
use tenancy_core::db::{CellDb, DbError};

use super::{options, postgres, reader, until, writer};

/// An application's function that does what no statement of a transaction may do itself.
const LEAVE_BEHIND: &str = "create function leave_behind() returns integer language plpgsql as $$
    begin
        perform set_config('search_path', 'nowhere', false), set_config('app.whose', 'tenant 1', false);
        perform pg_advisory_lock(4711);
        return 1;
    end $$";
const FOUND: &str = "select pg_backend_pid(), current_setting('search_path'),
    coalesce(current_setting('app.whose', true), ''),
    (select count(*) from pg_locks where pid = pg_backend_pid() and objid = 4711)";
const NO_LOCK: &str =
    "select not exists (select from pg_locks where objid = 4711) from pg_sleep(0.01)";

/// The server's process, its search path, whose it was said to be, and its locks.
type Found = (i32, String, String, i64);

struct One {
    cell: CellDb,
    plain: PgConnection,
    url: String,
}

impl One {
    async fn new() -> Self {
        let (cell, url) = postgres(2, options(1)).await;
        let mut plain = PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(LEAVE_BEHIND)
            .execute(&mut plain)
            .await
            .unwrap();
        Self { cell, plain, url }
    }

    async fn found(&self) -> Found {
        let CellDb::Postgres(cell) = &self.cell else {
            unreachable!("a Postgres cell");
        };
        let mut tx = cell.begin(&reader(2));
        let row = sqlx::query(FOUND).fetch_one(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        (row.get(0), row.get(1), row.get(2), row.get(3))
    }
}

#[tokio::test]
async fn a_transaction_that_ends_well_leaves_nothing_in_the_session() {
    let mut one = One::new().await;
    let before = one.found().await;
    let mut tx = one.cell.begin(&writer(1));
    let called: (i32,) = tx.sql("select leave_behind()").one().await.unwrap();
    assert_eq!(called, (1,));
    tx.commit().await.unwrap();
    assert_eq!(one.found().await, before, "the same session, as it was");
    until(&mut one.plain, NO_LOCK).await;
    // A reader may do as much.
    let mut tx = one.cell.begin(&reader(1));
    let called: (i32,) = tx.sql("select leave_behind()").one().await.unwrap();
    assert_eq!(called, (1,));
    tx.commit().await.unwrap();
    assert_eq!(one.found().await, before);
    until(&mut one.plain, NO_LOCK).await;
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_nothing_in_the_session() {
    let mut one = One::new().await;
    let before = one.found().await;
    let mut tx = one.cell.begin(&writer(1));
    let failed = tx.sql("select leave_behind() / 0").run().await.unwrap_err();
    assert!(matches!(failed, DbError::Statement { .. }), "{failed:?}");
    let refused = tx.commit().await.unwrap_err();
    assert!(matches!(refused, DbError::Failed), "{refused:?}");
    // A lock of the session is not given up by a rollback.
    assert_eq!(one.found().await, before);
    until(&mut one.plain, NO_LOCK).await;
}

/// Control: a pool that only commits hands all of it to the next borrower.
#[tokio::test]
async fn sqlx_own_pool_hands_the_session_on_as_it_is() {
    let one = One::new().await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect(&one.url)
        .await
        .unwrap();
    let mut tx = pool.begin().await.unwrap();
    sqlx::query("select leave_behind()")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let row = sqlx::query(FOUND).fetch_one(&pool).await.unwrap();
    let (path, whose, locks): (String, String, i64) = (row.get(1), row.get(2), row.get(3));
    assert_eq!((&*path, &*whose, locks), ("nowhere", "tenant 1", 1));
}

/// The guard is called by a name that the session knows; one that has lost it is asked in full.
#[tokio::test]
async fn a_session_that_has_forgotten_the_guard_is_told_again() {
    let mut one = One::new().await;
    let forget = "create function forget() returns integer language plpgsql as $$
        begin
            execute 'deallocate tenancy_enter_2';
            return 1;
        end $$";
    sqlx::raw_sql(forget).execute(&mut one.plain).await.unwrap();
    let (pid, ..) = one.found().await;
    let mut tx = one.cell.begin(&writer(1));
    let called: (i32,) = tx.sql("select forget()").one().await.unwrap();
    assert_eq!(called, (1,));
    tx.commit().await.unwrap();
    let (next, ..) = one.found().await;
    assert_ne!(next, pid, "on a connection that is new");
    let (again, ..) = one.found().await;
    assert_eq!(again, next, "and that is kept");
}

/// Where the log is, is asked behind the commit. A transaction that is committed is not refused for it: whoever was
/// told so would do it again.
#[tokio::test]
async fn what_fails_behind_a_commit_does_not_undo_it() {
    let mut one = One::new().await;
    let (before, ..) = one.found().await;
    sqlx::raw_sql("revoke execute on function pg_walfile_name(pg_lsn) from public")
        .execute(&mut one.plain)
        .await
        .unwrap();
    let mut tx = one.cell.begin(&writer(1));
    tx.sql("insert into mark values (1)").run().await.unwrap();
    assert_eq!(tx.commit_position().await.unwrap(), None);
    let kept: i64 = sqlx::query_scalar("select count(*) from mark")
        .fetch_one(&mut one.plain)
        .await
        .unwrap();
    assert_eq!(kept, 1);
    let (next, ..) = one.found().await;
    assert_ne!(next, before, "nobody gets a session that was not cleared");
}

crate::db::also_plain! {
    a_transaction_that_ends_well_leaves_nothing_in_the_session,
    a_transaction_that_is_rolled_back_leaves_nothing_in_the_session,
    a_session_that_has_forgotten_the_guard_is_told_again,
    what_fails_behind_a_commit_does_not_undo_it,
}
