//! Queries that sqlx checks against the schema when they are compiled run in a tenant's transaction.
//!
//! What the database said about them is in `tenancy-core/.sqlx`, so that no server is needed to compile. After a
//! change of a query here, or of the tests' schema, it is asked again:
//!
//! ```sh
//! cargo run -p tenancy-testkit -- postgres    # prints a URL, and lives until it is ended
//! psql "$URL" -f tenancy-core/tests/it/db/schema.sql
//! SQLX_OFFLINE=false DATABASE_URL="$URL" SQLX_OFFLINE_DIR=$PWD/tenancy-core/.sqlx \
//!     cargo check -p tenancy-core --all-features --test it
//! ```
//!
//! In an application `cargo sqlx prepare` does the same.

use sqlx::{Connection as _, PgConnection};
use tenancy_core::db::{CellDb, DbError};

use crate::db::{options, postgres, reader, stock, writer};

#[derive(Debug, PartialEq, Eq)]
struct Product {
    tenant_id: i64,
    title: String,
    price_minor: Option<i64>,
}

#[tokio::test]
async fn checked_queries_run_in_a_tenants_transaction() {
    let (any, url) = postgres(2, options(1)).await;
    stock(&any, 1, "Mug").await;
    stock(&any, 2, "Bowl").await;
    let CellDb::Postgres(cell) = any else {
        unreachable!("a Postgres cell");
    };
    let mut plain = PgConnection::connect(&url).await.unwrap();
    let mut tx = cell.begin(&writer(1));
    let row = sqlx::query!("select id, title, score from product")
        .fetch_one(&mut tx)
        .await
        .unwrap();
    assert_eq!((row.id, row.title.as_str(), row.score), (1, "Mug", 0.5));
    let changed = sqlx::query!("update product set price_minor = $1 where id = $2", 950, 1)
        .execute(&mut tx)
        .await
        .unwrap();
    assert_eq!(changed.rows_affected(), 1);
    tx.commit().await.unwrap();

    let mut tx = cell.begin(&reader(2));
    let products = sqlx::query_as!(Product, "select tenant_id, title, price_minor from product")
        .fetch_all(&mut tx)
        .await
        .unwrap();
    let bowl = Product {
        tenant_id: 2,
        title: "Bowl".into(),
        price_minor: Some(900),
    };
    assert_eq!(products, [bowl]);
    let count = sqlx::query_scalar!(r#"select count(*) as "count!" from product"#)
        .fetch_one(&mut tx)
        .await
        .unwrap();
    assert_eq!(count, 1);
    tx.commit().await.unwrap();
    // Control: the same query, without the tenant's door, sees both.
    let all = sqlx::query_as!(Product, "select tenant_id, title, price_minor from product")
        .fetch_all(&mut plain)
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn a_checked_query_cannot_write_a_foreign_row() {
    let (any, _url) = postgres(2, options(1)).await;
    let CellDb::Postgres(cell) = any else {
        unreachable!("a Postgres cell");
    };
    for (tenant, expect_own) in [(1, true), (2, false)] {
        let mut tx = cell.begin(&writer(1));
        let written = sqlx::query!("insert into mark values ($1)", tenant)
            .execute(&mut tx)
            .await
            .map_err(DbError::from_sqlx);
        match written {
            Ok(done) => assert!(expect_own && done.rows_affected() == 1),
            Err(DbError::ForeignRow { .. }) => assert!(!expect_own),
            Err(error) => panic!("{error:?}"),
        }
        tx.rollback().await;
    }
}

/// What is in `.sqlx` is what a server says of the tests' schema as it is now.
#[tokio::test]
async fn what_was_said_of_the_queries_is_still_true() {
    use sqlx::{
        AssertSqlSafe, Column as _, Executor as _, SqlSafeStr as _, Statement as _, TypeInfo as _,
    };
    let (_, url) = postgres(1, options(1)).await;
    let mut plain = PgConnection::connect(&url).await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/.sqlx");
    let mut checked = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
        let sql = kept["query"].as_str().unwrap().to_owned();
        let said = plain
            .prepare(AssertSqlSafe(sql.clone()).into_sql_str())
            .await
            .unwrap();
        let upper = |value: &serde_json::Value| value.as_str().unwrap().to_uppercase();
        let kept_columns: Vec<(String, String)> = kept["describe"]["columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| {
                (
                    column["name"].as_str().unwrap().into(),
                    upper(&column["type_info"]),
                )
            })
            .collect();
        let columns = said.columns().iter().map(|column| {
            (
                column.name().to_owned(),
                column.type_info().name().to_owned(),
            )
        });
        assert_eq!(columns.collect::<Vec<_>>(), kept_columns, "{sql}");
        let kept_parameters = kept["describe"]["parameters"]["Left"].as_array().unwrap();
        let kept_parameters: Vec<String> = kept_parameters.iter().map(upper).collect();
        let Some(sqlx::Either::Left(parameters)) = said.parameters() else {
            panic!("Postgres knows the types of parameters: {sql}");
        };
        let parameters: Vec<&str> = parameters.iter().map(sqlx::TypeInfo::name).collect();
        assert_eq!(parameters, kept_parameters, "{sql}");
        checked += 1;
    }
    assert!(checked > 3, "{checked} queries in {folder}");
}

crate::db::also_plain! {
    checked_queries_run_in_a_tenants_transaction,
    a_checked_query_cannot_write_a_foreign_row,
}
