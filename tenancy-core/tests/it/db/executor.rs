//! On Postgres: `&mut TenantTx` runs sqlx's own queries.

use futures_util::TryStreamExt as _;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tenancy_core::db::{CellDb, DbError, IsolationLevel, PostgresCell};

use super::{options, postgres, reader, stock, writer};

const TITLES: &str = "select title from product";

/// A cell of one connection, in which tenants 1 and 2 have a product each.
async fn shops() -> (PostgresCell, PgConnection) {
    let (cell, url) = postgres(2, options(1)).await;
    stock(&cell, 1, "Mug").await;
    stock(&cell, 2, "Bowl").await;
    let CellDb::Postgres(cell) = cell else {
        unreachable!("a Postgres cell");
    };
    (cell, PgConnection::connect(&url).await.unwrap())
}

#[tokio::test]
async fn queries_without_a_condition_see_the_tenants_rows_alone() {
    let (cell, mut plain) = shops().await;
    // Control: both are there, for whom row security does not bind.
    let all = sqlx::query(TITLES).fetch_all(&mut plain).await.unwrap();
    assert_eq!(all.len(), 2);
    let ctx = writer(1);
    let mut tx = cell.begin(&ctx);
    let scalar: String = sqlx::query_scalar(TITLES).fetch_one(&mut tx).await.unwrap();
    assert_eq!(scalar, "Mug");
    let rows: Vec<(String,)> = sqlx::query_as(TITLES).fetch_all(&mut tx).await.unwrap();
    assert_eq!(rows, [("Mug".to_owned(),)]);
    let streamed: Vec<String> = sqlx::query(TITLES)
        .fetch(&mut tx)
        .map_ok(|row| row.get(0))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(streamed, ["Mug"]);
    let changed = sqlx::query("update product set price_minor = $1")
        .bind(950_i64)
        .execute(&mut tx)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    tx.commit().await.unwrap();
    let prices = "select price_minor from product order by tenant_id";
    let prices: Vec<i64> = sqlx::query_scalar(prices)
        .fetch_all(&mut plain)
        .await
        .unwrap();
    assert_eq!(prices, [950, 900]);
}

#[tokio::test]
async fn statements_are_prepared_and_described() {
    let (cell, _plain) = shops().await;
    let ctx = reader(1);
    let mut tx = cell.begin(&ctx);
    let statement = tx.prepare(sqlx::SqlStr::from_static(TITLES)).await.unwrap();
    assert_eq!(sqlx::Statement::columns(&statement).len(), 1);
    let described = tx
        .describe(sqlx::SqlStr::from_static(TITLES))
        .await
        .unwrap();
    assert_eq!(described.columns().len(), 1);
    tx.commit().await.unwrap();
}

/// What would end the transaction, change its tenant, or run a second statement.
const REFUSED: [&str; 9] = [
    "commit",
    "rollback",
    "begin",
    "set app.tenant_id = '2'",
    "prepare p as select 1",
    "select set_config('app.tenant_id', '2', true)",
    "select tenancy.enter(2, 1, true, 1, null)",
    "select 1; commit",
    "do $$ begin end $$",
];

#[tokio::test]
async fn what_would_leave_the_transaction_is_refused_and_nothing_is_lost() {
    let (cell, mut plain) = shops().await;
    let ctx = writer(1);
    let mut tx = cell.begin(&ctx);
    let insert = "insert into mark values (1)";
    sqlx::query(insert).execute(&mut tx).await.unwrap();
    for sql in REFUSED {
        let refused = sqlx::query(sql).fetch_optional(&mut tx).await.unwrap_err();
        let refused = DbError::from_sqlx(refused);
        assert!(
            matches!(refused, DbError::Refused { .. }),
            "{sql}: {refused:?}"
        );
        let refused = tx
            .prepare(sqlx::SqlStr::from_static(sql))
            .await
            .unwrap_err();
        let refused = DbError::from_sqlx(refused);
        assert!(
            matches!(refused, DbError::Refused { .. }),
            "{sql}: {refused:?}"
        );
    }
    for raw in [TITLES, "select 1; commit; select 2"] {
        let refused = sqlx::raw_sql(raw).fetch_all(&mut tx).await.unwrap_err();
        let refused = DbError::from_sqlx(refused);
        assert!(
            matches!(refused, DbError::Refused { .. }),
            "{raw}: {refused:?}"
        );
    }
    tx.commit().await.unwrap();
    let marks = "select count(*) from mark";
    let marks: i64 = sqlx::query_scalar(marks)
        .fetch_one(&mut plain)
        .await
        .unwrap();
    assert_eq!(marks, 1);
}

#[tokio::test]
async fn an_error_of_the_database_is_sqlx_own_and_fails_the_transaction() {
    let (cell, _plain) = shops().await;
    let ctx = writer(1);
    let mut tx = cell.begin(&ctx);
    let twice = "insert into product values (1, 1, 'mug', 'Mug', null, 0.5)";
    let error = sqlx::query(twice).execute(&mut tx).await.unwrap_err();
    let refusal = error.as_database_error().expect("what the database said");
    assert!(refusal.is_unique_violation());
    let error = DbError::from_sqlx(error);
    assert!(matches!(error, DbError::Duplicate { .. }), "{error:?}");
    let failed = sqlx::query(TITLES).fetch_one(&mut tx).await.unwrap_err();
    let failed = DbError::from_sqlx(failed);
    assert!(matches!(failed, DbError::Failed), "{failed:?}");
    let committed = tx.commit().await;
    assert!(matches!(committed, Err(DbError::Failed)), "{committed:?}");
}

#[tokio::test]
async fn a_foreign_row_is_refused_by_the_database() {
    let (cell, mut plain) = shops().await;
    let ctx = writer(1);
    let foreign = "insert into mark values (2)";
    let mut tx = cell.begin(&ctx);
    let refused = sqlx::query(foreign).execute(&mut tx).await.unwrap_err();
    let refused = DbError::from_sqlx(refused);
    assert!(matches!(refused, DbError::ForeignRow { .. }), "{refused:?}");
    drop(tx);
    // Control: the row is a good one.
    sqlx::query(foreign).execute(&mut plain).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_dropped_fails_its_transaction_and_leaves_nothing() {
    let (cell, _plain) = shops().await;
    let ctx = writer(1);
    let mut tx = cell.begin(&ctx);
    let many = "select n from generate_series(1, 100000) n";
    let mut rows = sqlx::query(many).fetch(&mut tx);
    assert!(rows.try_next().await.unwrap().is_some());
    drop(rows);
    let failed = sqlx::query(TITLES).fetch_one(&mut tx).await.unwrap_err();
    let failed = DbError::from_sqlx(failed);
    assert!(matches!(failed, DbError::Failed), "{failed:?}");
    drop(tx);
    let ctx = reader(2);
    let mut next = cell.begin(&ctx);
    let seen: Vec<String> = sqlx::query_scalar(TITLES)
        .fetch_all(&mut next)
        .await
        .unwrap();
    assert_eq!(seen, ["Bowl"]);
}

#[tokio::test]
async fn a_changed_table_is_noticed_once() {
    let (cell, mut plain) = shops().await;
    let ctx = reader(1);
    let all = "select * from profile";
    let ask = async || {
        let mut tx = cell.begin(&ctx);
        let rows = sqlx::query(all).fetch_all(&mut tx).await?;
        assert!(rows.is_empty());
        tx.commit().await.map_err(sqlx::Error::from)
    };
    ask().await.unwrap();
    let change = "alter table profile add column mood text";
    sqlx::raw_sql(change).execute(&mut plain).await.unwrap();
    let noticed = DbError::from_sqlx(ask().await.unwrap_err());
    assert!(matches!(noticed, DbError::Conflict { .. }), "{noticed:?}");
    ask().await.unwrap();
}

#[tokio::test]
async fn a_transaction_is_as_isolated_as_it_asks_for() {
    let (cell, _plain) = shops().await;
    let ask = "select current_setting('transaction_isolation')";
    for (level, expect) in [
        (IsolationLevel::ReadCommitted, "read committed"),
        (IsolationLevel::RepeatableRead, "repeatable read"),
        (IsolationLevel::Serializable, "serializable"),
    ] {
        let ctx = writer(1);
        let mut tx = cell.begin_at(&ctx, level);
        let found: String = sqlx::query_scalar(ask).fetch_one(&mut tx).await.unwrap();
        assert_eq!(found, expect);
        tx.commit().await.unwrap();
        let ctx = reader(1);
        let mut tx = cell.begin_at(&ctx, level);
        let found: String = sqlx::query_scalar(ask).fetch_one(&mut tx).await.unwrap();
        assert_eq!(found, expect);
        tx.commit().await.unwrap();
    }
}

crate::db::also_plain! {
    queries_without_a_condition_see_the_tenants_rows_alone,
    statements_are_prepared_and_described,
    what_would_leave_the_transaction_is_refused_and_nothing_is_lost,
    an_error_of_the_database_is_sqlx_own_and_fails_the_transaction,
    a_foreign_row_is_refused_by_the_database,
    a_stream_that_is_dropped_fails_its_transaction_and_leaves_nothing,
    a_changed_table_is_noticed_once,
    a_transaction_is_as_isolated_as_it_asks_for,
}
