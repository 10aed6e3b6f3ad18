//! On Postgres, with a pool of one: however a transaction ends, its connection is in no transaction and holds
//! no lock, nothing of it was committed, and the next borrower sees its own tenant's rows.

use std::{num::NonZeroU16, time::Duration};

use sqlx::{Connection as _, PgConnection, postgres::PgPoolOptions};
use tenancy_core::{
    db::{CellDb, DbError, PostgresCell},
    isolation::retire_key,
    protocol::FenceEvent,
    types::{Epoch, Kind, Lifecycle, Problem as _, Retry, UnixMicros, WorkBudget},
};
use tenancy_testkit::{Direction, Postgres, Proxy};

use super::{
    SCHEMA, admitted, create, given_up::given_up, isolated, options, postgres, stock, tenant,
    until, writer,
};

const INSERT: &str = "insert into mark values (1)";

/// The application's connections are in no transaction and hold no lock. One that is being closed is still listed
/// for a moment.
pub(super) const ALL_REST: &str = "select not exists (select from pg_stat_activity a
    where a.datname = current_database() and a.usename like '%\\_app'
    and (a.state <> 'idle' or exists (select from pg_locks l where l.pid = a.pid and l.locktype = 'advisory')))
    from pg_sleep(0.01)";

struct One {
    cell: PostgresCell,
    any: CellDb,
    plain: PgConnection,
}

impl One {
    async fn new() -> Self {
        let (any, url) = postgres(2, options(1)).await;
        stock(&any, 1, "Mug").await;
        let CellDb::Postgres(cell) = any.clone() else {
            unreachable!("a Postgres cell");
        };
        let plain = PgConnection::connect(&url).await.unwrap();
        Self { cell, any, plain }
    }

    /// Looks at the application's connections from outside, and then through the door.
    async fn is_clean(&mut self) {
        until(&mut self.plain, ALL_REST).await;
        let marks: i64 = sqlx::query_scalar("select count(*) from mark")
            .fetch_one(&mut self.plain)
            .await
            .unwrap();
        assert_eq!(marks, 0, "nothing of it was committed");
        let ctx = writer(2);
        let mut next = self.cell.begin(&ctx);
        let seen: i64 = sqlx::query_scalar("select count(*) from product")
            .fetch_one(&mut next)
            .await
            .unwrap();
        assert_eq!(seen, 0, "tenant 2 has none, tenant 1 has one");
        next.rollback().await;
    }
}

#[tokio::test]
async fn after_a_refusal_of_the_guard() {
    let mut one = One::new().await;
    let now = one.any.fence(tenant(1)).await.unwrap();
    let event = FenceEvent::Lifecycle {
        lifecycle: Lifecycle::Suspended,
        epoch: Epoch::new(0, 2),
    };
    one.any.change_fence(tenant(1), now, event).await.unwrap();
    let ctx = writer(1);
    let mut tx = one.cell.begin(&ctx);
    let refused = sqlx::query(INSERT).execute(&mut tx).await.unwrap_err();
    let refused = DbError::from_sqlx(refused);
    assert!(matches!(refused, DbError::StaleEpoch { .. }), "{refused:?}");
    one.is_clean().await;
}

#[tokio::test]
async fn after_a_cancel_at_one_of_the_first_polls() {
    let mut one = One::new().await;
    for polls in 1..=3 {
        let ctx = writer(1);
        let mut tx = one.cell.begin(&ctx);
        // On a busy machine it may be done by then.
        let done = given_up(sqlx::query(INSERT).execute(&mut tx), polls).await;
        assert!(done.is_none_or(|done| done.is_ok()));
        drop(tx);
        one.is_clean().await;
    }
}

#[tokio::test]
async fn after_a_cancel_while_a_lock_is_awaited() {
    let mut one = One::new().await;
    let lock = "begin; lock table mark";
    sqlx::raw_sql(lock).execute(&mut one.plain).await.unwrap();
    let cell = one.cell.clone();
    let blocked = tokio::spawn(async move {
        let ctx = writer(1);
        let mut tx = cell.begin(&ctx);
        sqlx::query(INSERT).execute(&mut tx).await.map(drop)
    });
    let waits =
        "select exists (select from pg_locks where not granted and relation = 'mark'::regclass)
        from pg_sleep(0.01)";
    until(&mut one.plain, waits).await;
    blocked.abort();
    assert!(blocked.await.unwrap_err().is_cancelled());
    sqlx::raw_sql("rollback")
        .execute(&mut one.plain)
        .await
        .unwrap();
    one.is_clean().await;
}

#[tokio::test]
async fn after_a_panic() {
    let mut one = One::new().await;
    let cell = one.cell.clone();
    let panicking = tokio::spawn(async move {
        let ctx = writer(1);
        let mut tx = cell.begin(&ctx);
        sqlx::query(INSERT).execute(&mut tx).await.unwrap();
        panic!("a handler's own mistake");
    });
    assert!(panicking.await.unwrap_err().is_panic());
    one.is_clean().await;
}

#[tokio::test]
async fn after_a_disconnect() {
    let mut one = One::new().await;
    let ctx = writer(1);
    let mut tx = one.cell.begin(&ctx);
    sqlx::query(INSERT).execute(&mut tx).await.unwrap();
    let terminate = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
        where datname = current_database() and usename like '%\\_app'";
    sqlx::query(terminate)
        .execute(&mut one.plain)
        .await
        .unwrap();
    let committed = tx.commit().await.unwrap_err();
    assert!(
        matches!(committed, DbError::CommitUnknown { .. }),
        "{committed:?}"
    );
    one.is_clean().await;
    // One that dies while nobody uses it is not even noticed.
    sqlx::query(terminate)
        .execute(&mut one.plain)
        .await
        .unwrap();
    one.is_clean().await;
}

/// The key that the process seals with ends while the cell is open.
#[tokio::test]
async fn after_a_seal_that_is_not_taken() {
    let mut one = One::new().await;
    retire_key(&mut one.plain, "test", UnixMicros::new(1))
        .await
        .unwrap();
    let mut tx = one.cell.begin(&writer(1));
    let refused = sqlx::query(INSERT).execute(&mut tx).await.unwrap_err();
    let refused = DbError::from_sqlx(refused);
    assert!(
        matches!(refused, DbError::SealRefused { .. }),
        "{refused:?}"
    );
    assert_eq!(refused.kind(), Kind::Unavailable);
    assert_eq!(refused.code().as_str(), "seal_refused");
    // Who tries again is refused again, and is not told to.
    assert_eq!(refused.retry(), Retry::No);
    let text = refused.client_text().to_lowercase();
    for told in ["try", "again", "test", "seal", "key", "tenancy", "select"] {
        assert!(!text.contains(told), "{told} in {text}");
    }
    drop(tx);
    let again = "update tenancy.seal_key set not_after = null";
    sqlx::raw_sql(again).execute(&mut one.plain).await.unwrap();
    one.is_clean().await;
    // Control: the one that was refused before.
    let mut tx = one.cell.begin(&writer(1));
    sqlx::query(INSERT).execute(&mut tx).await.unwrap();
    tx.rollback().await;
}

/// A server that takes everything and answers nothing keeps nobody for ever.
#[tokio::test]
async fn after_a_server_that_hangs() {
    let database = Postgres::shared().database().unwrap();
    let mut plain = PgConnection::connect(&database.url()).await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(&mut plain).await.unwrap();
    let line = Proxy::start(database.address().clone()).unwrap();
    let patience = options(1).wait(Duration::from_secs(1));
    let cell = isolated(&line.database(&database).url(), patience).await;
    create(&CellDb::Postgres(cell.clone()), 1).await;
    // Bounds the transaction's beginning, too, which is not to be silent.
    let budget = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(1));
    let ctx = admitted(1, 1, budget).read_write().unwrap();
    let mut tx = cell.begin(&ctx);
    sqlx::query(INSERT).execute(&mut tx).await.unwrap();
    line.hang(Direction::Both);
    let committed = tx.commit().await.unwrap_err();
    assert!(
        matches!(committed, DbError::CommitUnknown { .. }),
        "{committed:?}"
    );
    let mut tx = cell.begin(&ctx);
    let refused = sqlx::query(INSERT).execute(&mut tx).await.unwrap_err();
    let refused = DbError::from_sqlx(refused);
    assert_eq!(refused.kind(), Kind::Unavailable, "{refused:?}");
    drop(tx);
    line.heal();
    let mut tx = cell.begin(&ctx);
    sqlx::query("select 1").fetch_one(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

/// Control: sqlx's own transaction whose begin fails goes back to the pool as it is, and the next borrower is
/// inside of it.
#[tokio::test]
async fn sqlx_own_transaction_leaks_to_the_next_borrower() {
    let (cell, url) = postgres(2, options(1)).await;
    stock(&cell, 1, "Mug").await;
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .connect(&url)
        .await
        .unwrap();
    let begin = "begin; select set_config('app.tenant_id', '1', true); select 1 / 0";
    pool.begin_with(begin).await.unwrap_err();
    let next = sqlx::query("select 1").execute(&pool).await.unwrap_err();
    let said = next.as_database_error().unwrap();
    assert_eq!(
        said.code().as_deref(),
        Some("25P02"),
        "inside a failed transaction"
    );
}

crate::db::also_plain! {
    after_a_refusal_of_the_guard,
    after_a_cancel_at_one_of_the_first_polls,
    after_a_cancel_while_a_lock_is_awaited,
    after_a_panic,
    after_a_disconnect,
    after_a_server_that_hangs,
}
