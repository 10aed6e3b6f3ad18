//! A future that is dropped anywhere, and a panic, leave nothing for the next borrower.

use std::{future::Future, pin::Pin};

use sqlx::{Connection as _, PgConnection};
use tenancy_core::{
    ReadWrite,
    db::{CellDb, CellTx, DbError},
};

use super::{Sqlite, given_up::given_up, limits::RUNAWAY, options, postgres, reader, writer};

const INSERT: &str = "insert into product values ($1, $2, $3, 'Mug', null, 0.5)";

async fn insert(tx: &mut CellTx<ReadWrite>, id: i64) -> Result<u64, DbError> {
    let tenant = tx.tenant().as_i64();
    let handle = format!("p{id}");
    tx.sql(INSERT)
        .bind(tenant)
        .bind(id)
        .bind(handle)
        .run()
        .await
}

/// Rows by tenant, seen past the door.
type Rows<'c> = &'c mut dyn AsyncCount;

trait AsyncCount {
    fn rows(&mut self, tenant: i64) -> Pin<Box<dyn Future<Output = i64> + '_>>;
}

macro_rules! counts {
    ($connection:ty) => {
        impl AsyncCount for $connection {
            fn rows(&mut self, tenant: i64) -> Pin<Box<dyn Future<Output = i64> + '_>> {
                Box::pin(async move {
                    sqlx::query_scalar("select count(*) from product where tenant_id = $1")
                        .bind(tenant)
                        .fetch_one(self)
                        .await
                        .unwrap()
                })
            }
        }
    };
}
counts!(sqlx::SqliteConnection);
counts!(PgConnection);

/// With one connection only: tenant 1 is cancelled at every await, and tenant 2 must not notice. An answer that
/// has arrived by the time it is asked for is no await, so it goes through them again until it has met enough.
async fn check_cancelled(cell: &CellDb, plain: Rows<'_>) {
    let mut seen = Seen::default();
    for _ in 0..50 {
        let mut polls = 0;
        while cancelled_after(polls, cell, plain, &mut seen).await {
            polls += 1;
        }
        if seen.cancelled > 5 {
            return;
        }
    }
    panic!("it was cancelled at {} awaits", seen.cancelled);
}

#[derive(Default)]
struct Seen {
    /// How often it was cancelled after it had begun.
    cancelled: u32,
    /// Transactions begun, so that each has ids of its own.
    begun: i64,
    /// Rows of tenant 1 that were committed.
    committed: i64,
}

/// Whether there is an await after so many polls.
async fn cancelled_after(polls: u32, cell: &CellDb, plain: Rows<'_>, seen: &mut Seen) -> bool {
    let next = seen.begun;
    seen.begun += 1;
    let (own, other) = (writer(1), writer(2));
    let work = cell.scope(&own, async |tx| {
        insert(tx, next * 2).await?;
        insert(tx, next * 2 + 1).await
    });
    let done = given_up(work, polls).await;
    // The next borrower's commit must not carry the rows of the one that was cancelled.
    let work = cell.scope(&other, async |tx| insert(tx, next).await);
    work.await.unwrap();
    let rows: Result<Vec<(i64,)>, DbError> = cell
        .scope(&reader(2), async |tx| {
            tx.sql("select id from product where tenant_id = $1")
                .bind(2_i64)
                .all()
                .await
        })
        .await;
    assert_eq!(i64::try_from(rows.unwrap().len()).unwrap(), seen.begun);
    assert_eq!(plain.rows(2).await, seen.begun);
    let (before, now) = (seen.committed, plain.rows(1).await);
    seen.committed = now;
    match done {
        // Dropped in the commit it may have happened, and then whole.
        None => {
            assert!(
                now == before || now == before + 2,
                "after {polls} polls: {now}"
            );
            seen.cancelled += u32::from(polls > 0);
            true
        }
        Some(result) => {
            result.unwrap();
            assert_eq!(now, before + 2);
            false
        }
    }
}

#[tokio::test]
async fn a_sqlite_transaction_is_cancelled_at_every_await() {
    let sqlite = Sqlite::new(2, options(1)).await;
    check_cancelled(&sqlite.cell, &mut sqlite.plain().await).await;
}

#[tokio::test]
async fn a_postgres_transaction_is_cancelled_at_every_await() {
    let (cell, url) = postgres(2, options(1)).await;
    let mut plain = PgConnection::connect(&url).await.unwrap();
    check_cancelled(&cell, &mut plain).await;
}

async fn check_panic(cell: CellDb, plain: Rows<'_>) {
    let panicking = cell.clone();
    let task = tokio::spawn(async move {
        let done: Result<(), DbError> = panicking
            .scope(&writer(1), async |tx| {
                insert(tx, 1).await?;
                panic!("a handler's own mistake");
            })
            .await;
        done
    });
    assert!(task.await.unwrap_err().is_panic());
    cell.scope(&writer(2), async |tx| insert(tx, 1).await)
        .await
        .unwrap();
    assert_eq!((plain.rows(1).await, plain.rows(2).await), (0, 1));
}

#[tokio::test]
async fn a_panic_rolls_back() {
    let sqlite = Sqlite::new(2, options(1)).await;
    check_panic(sqlite.cell.clone(), &mut sqlite.plain().await).await;
    let (cell, url) = postgres(2, options(1)).await;
    let mut plain = PgConnection::connect(&url).await.unwrap();
    check_panic(cell, &mut plain).await;
}

#[tokio::test]
async fn a_cancelled_statement_fails_its_transaction() {
    let sqlite = Sqlite::new(1, options(1)).await;
    for cell in [sqlite.cell.clone(), postgres(1, options(1)).await.0] {
        let ctx = writer(1);
        let mut tx = cell.begin(&ctx);
        insert(&mut tx, 1).await.unwrap();
        let runaway = tx.sql(RUNAWAY).all::<(i64,)>();
        assert!(given_up(runaway, 1).await.is_none());
        let after = insert(&mut tx, 3).await;
        assert!(matches!(after, Err(DbError::Failed)), "{after:?}");
        let committed = tx.commit().await;
        assert!(matches!(committed, Err(DbError::Failed)), "{committed:?}");
    }
}

#[tokio::test]
async fn a_function_that_changes_the_tenant_is_noticed_at_the_commit() {
    let (cell, url) = postgres(1, options(1)).await;
    let mut plain = PgConnection::connect(&url).await.unwrap();
    let function = "create function become_2() returns text language sql as
        $$ select set_config('app.tenant_id', '2', true) $$";
    sqlx::raw_sql(function).execute(&mut plain).await.unwrap();
    let ctx = writer(1);
    let mut tx = cell.begin(&ctx);
    insert(&mut tx, 1).await.unwrap();
    tx.sql("select become_2()")
        .all::<(String,)>()
        .await
        .unwrap();
    let committed = tx.commit().await;
    assert!(matches!(committed, Err(DbError::NotOurs)), "{committed:?}");
    assert_eq!(plain.rows(1).await, 0);
    // Control: without the function it commits.
    cell.scope(&ctx, async |tx| insert(tx, 1).await)
        .await
        .unwrap();
    assert_eq!(plain.rows(1).await, 1);
}

crate::db::also_plain! {
    a_postgres_transaction_is_cancelled_at_every_await,
    a_panic_rolls_back,
    a_cancelled_statement_fails_its_transaction,
    a_function_that_changes_the_tenant_is_noticed_at_the_commit,
}
