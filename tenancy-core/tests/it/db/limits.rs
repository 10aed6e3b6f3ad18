//! No tenant keeps the others from their connections.

use std::{
    num::NonZeroU16,
    sync::{Arc, Mutex},
    time::Duration,
};

use tenancy_core::{
    ReadWrite,
    db::{CellDb, CellTx, DbError},
    types::WorkBudget,
};

use super::{Sqlite, admitted, budget, options, postgres, reader, writer};

const ONE: &str = "select count(*) from currency";

async fn read(cell: &CellDb, id: u32, budget: WorkBudget) -> Result<(i64,), DbError> {
    let ctx = admitted(id, 1, budget).read_only();
    cell.scope(&ctx, async |tx| tx.sql(ONE).one().await).await
}

#[tokio::test]
async fn a_tenant_holds_no_more_connections_than_its_budget() {
    let options = options(3).wait(Duration::from_millis(500));
    let sqlite = Sqlite::new(2, options).await;
    for cell in [sqlite.cell.clone(), postgres(2, options).await.0] {
        let ctx = admitted(1, 1, budget(1)).read_only();
        let mut held = cell.begin(&ctx);
        held.sql(ONE).one::<(i64,)>().await.unwrap();
        let second = read(&cell, 1, budget(1)).await;
        assert!(matches!(second, Err(DbError::Busy)), "{second:?}");
        read(&cell, 2, budget(1)).await.unwrap();
        // Control: with a larger budget there is a connection for it.
        read(&cell, 1, budget(2)).await.unwrap();
        held.rollback().await;
        read(&cell, 1, budget(1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_full_line_is_refused_at_once() {
    let sqlite = Sqlite::new(1, options(1).line(1).wait(Duration::from_secs(60))).await;
    let ctx = writer(1);
    let mut held = sqlite.cell.begin(&ctx);
    held.sql(ONE).one::<(i64,)>().await.unwrap();
    let write = || async {
        sqlite
            .cell
            .scope(&ctx, async |tx| tx.sql(ONE).one::<(i64,)>().await)
            .await
    };
    let (waits, refused, ()) = tokio::join!(write(), write(), async { held.rollback().await });
    waits.unwrap();
    assert!(matches!(refused, Err(DbError::Busy)), "{refused:?}");
}

#[tokio::test]
async fn a_hundred_waiting_writers_of_one_tenant_are_passed_by_another() {
    let sqlite = Sqlite::new(2, options(1)).await;
    let ctx = writer(1);
    let mut first = sqlite.cell.begin(&ctx);
    first.sql(ONE).one::<(i64,)>().await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for id in [1; 100].into_iter().chain([2]) {
        let (cell, order) = (sqlite.cell.clone(), Arc::clone(&order));
        tasks.push(tokio::spawn(async move {
            cell.scope(&writer(id), async |tx| {
                tx.sql(ONE).one::<(i64,)>().await?;
                order.lock().unwrap().push(id);
                Ok::<_, DbError>(())
            })
            .await
        }));
        // On this one thread the task now runs until it waits in line.
        tokio::task::yield_now().await;
    }
    first.commit().await.unwrap();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let order = order.lock().unwrap();
    assert_eq!((order.len(), order[0]), (101, 2), "{order:?}");
}

const INSERT: &str = "insert into product values ($1, 1, 'mug', 'Mug', null, 0.5)";

/// Inserts a row and leaves its transaction open. One that is too old before it has is tried again.
async fn inserted(cell: &CellDb, id: u32) -> CellTx<ReadWrite> {
    for _ in 0..100 {
        let mut tx = cell.begin(&writer(id));
        match tx.sql(INSERT).bind(i64::from(id)).run().await {
            Ok(_) => return tx,
            Err(error) => assert!(matches!(error, DbError::TooOld { .. }), "{error:?}"),
        }
    }
    panic!("no row in 100 times the maximum age");
}

#[tokio::test]
async fn a_write_transaction_that_is_forgotten_is_ended() {
    let options = options(1).max_write_age(Duration::from_millis(50));
    let sqlite = Sqlite::new(2, options).await;
    for cell in [sqlite.cell.clone(), postgres(2, options).await.0] {
        let mut forgotten = inserted(&cell, 1).await;
        // There is one connection, so this waits until the other is taken away.
        inserted(&cell, 2).await.rollback().await;
        let late = forgotten.sql(ONE).all::<(i64,)>().await;
        assert!(matches!(late, Err(DbError::TooOld { .. })), "{late:?}");
        let committed = forgotten.commit().await;
        assert!(
            matches!(committed, Err(DbError::TooOld { .. })),
            "{committed:?}"
        );
        let gone: Vec<(i64,)> = cell
            .scope(&reader(1), async |tx| {
                tx.sql("select id from product where tenant_id = 1")
                    .all()
                    .await
            })
            .await
            .unwrap_or_else(|error: DbError| panic!("{error:?}"));
        assert_eq!(gone, []);
    }
}

/// Counts for ever.
pub(super) const RUNAWAY: &str =
    "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";

#[tokio::test]
async fn a_runaway_statement_is_stopped_and_frees_its_connection() {
    // Bounds the transaction's beginning, too.
    let short = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(1));
    let sqlite = Sqlite::new(2, options(1)).await;
    for cell in [sqlite.cell.clone(), postgres(2, options(1)).await.0] {
        let ctx = admitted(1, 1, short).read_write().unwrap();
        let stopped: Result<(i64,), DbError> = cell
            .scope(&ctx, async |tx| tx.sql(RUNAWAY).one().await)
            .await;
        assert!(
            matches!(stopped, Err(DbError::Timeout { .. })),
            "{stopped:?}"
        );
        let insert = "insert into product values ($1, 1, 'mug', 'Mug', null, 0.5)";
        cell.scope(&writer(2), async |tx| {
            tx.sql(insert).bind(2_i64).run().await
        })
        .await
        .unwrap();
    }
}

crate::db::also_plain! {
    a_tenant_holds_no_more_connections_than_its_budget,
    a_write_transaction_that_is_forgotten_is_ended,
    a_runaway_statement_is_stopped_and_frees_its_connection,
}
