//! On Postgres: rows as wide as they come, and texts too long for a row.

use sqlx::{Connection as _, PgConnection, Row as _, SqlStr, query::Query};
use tenancy_core::db::{CellDb, DbError, PostgresCell};

use super::{options, postgres, reader};

/// Of a select (Postgres, "PostgreSQL Limits": 1,664; a table has fewer).
const WIDEST: usize = 1_664;

async fn cell() -> (PostgresCell, PgConnection) {
    let (cell, url) = postgres(1, options(1)).await;
    let CellDb::Postgres(cell) = cell else {
        unreachable!("a Postgres cell");
    };
    (cell, PgConnection::connect(&url).await.unwrap())
}

fn columns(number: usize) -> SqlStr {
    let columns: Vec<String> = (0..number)
        .map(|n| format!("{n}::bigint as c{n}"))
        .collect();
    sqlx::SqlSafeStr::into_sql_str(sqlx::AssertSqlSafe(format!(
        "select {}",
        columns.join(", ")
    )))
}

fn ask(number: usize) -> Query<'static, sqlx::Postgres, sqlx::postgres::PgArguments> {
    sqlx::query(columns(number))
}

#[tokio::test]
async fn the_widest_row_is_read_and_one_that_is_wider_is_refused() {
    let (cell, _plain) = cell().await;
    let mut tx = cell.begin(&reader(1));
    let row = ask(WIDEST).fetch_one(&mut tx).await.unwrap();
    assert_eq!(row.len(), WIDEST);
    let last: i64 = row.get(WIDEST - 1);
    assert_eq!(last, 1_663);
    // 2,000 columns are more than the server takes: it says so, and the next transaction notices nothing.
    let refused = ask(2_000).fetch_one(&mut tx).await.unwrap_err();
    let refused = DbError::from_sqlx(refused);
    assert!(matches!(refused, DbError::Statement { .. }), "{refused:?}");
    let committed = tx.commit().await;
    assert!(matches!(committed, Err(DbError::Failed)), "{committed:?}");
    let mut tx = cell.begin(&reader(1));
    ask(1).fetch_one(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

crate::db::also_plain! {
    the_widest_row_is_read_and_one_that_is_wider_is_refused,
}
