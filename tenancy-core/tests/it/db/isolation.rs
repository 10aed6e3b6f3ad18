//! A tenant's transaction reaches its own rows, through every table and verb.

use tenancy_core::db::DbError;

use super::{Sqlite, options, reader, stock, writer};

#[tokio::test]
async fn a_statement_without_a_tenant_predicate_sees_one_tenant() {
    let sqlite = Sqlite::new(2, options(1)).await;
    for (id, title) in [(1, "mug of 1"), (2, "mug of 2")] {
        stock(&sqlite.cell, id, title).await;
        sqlite
            .cell
            .scope(&writer(id), async |tx| {
                tx.sql("insert into variant values ($1, 1, 1, 'sku')")
                    .bind(i64::from(id))
                    .run()
                    .await?;
                let slug = format!("shop-{id}");
                tx.sql("insert into slug values ($1, $2)")
                    .bind(i64::from(id))
                    .bind(slug)
                    .run()
                    .await
            })
            .await
            .unwrap();
    }
    // Control: both tenants' rows are there, and the same statements find them without the tenant's door.
    let mut plain = sqlite.plain().await;
    for sql in [
        "select tenant_id from product",
        "select tenant_id from variant",
        "select shop from slug",
        "select p.tenant_id from variant v join product p on p.id = v.product_id where v.tenant_id = p.tenant_id",
        "select tenant_id from product where tenant_id in (1, 2) union all select shop from slug where 1 = 0",
    ] {
        let all: Vec<i64> = sqlx::query_scalar(sql).fetch_all(&mut plain).await.unwrap();
        assert_eq!(all, [1, 2], "control: {sql}");
        for id in 1..=2 {
            let found: Vec<(i64,)> = sqlite
                .cell
                .scope(&reader(id), async |tx| tx.sql(sql).all().await)
                .await
                .unwrap();
            assert_eq!(found, [(i64::from(id),)], "{sql}");
        }
    }
}

#[tokio::test]
async fn foreign_rows_and_the_platforms_tables_are_out_of_reach() {
    let sqlite = Sqlite::new(2, options(1)).await;
    stock(&sqlite.cell, 1, "mug of 1").await;
    stock(&sqlite.cell, 2, "mug of 2").await;
    for sql in [
        "insert into product values (2, 9, 'x', 'x', null, 0.5)",
        "update product set title = 'taken' where tenant_id = 2",
        "delete from product",
        "insert into slug values (2, 'x')",
        "insert into journal values (2, 'x')",
        "delete from currency",
    ] {
        let refused: Result<u64, DbError> = sqlite
            .cell
            .scope(&writer(1), async |tx| tx.sql(sql).run().await)
            .await;
        assert!(
            matches!(refused, Err(DbError::ForeignRow { .. })),
            "{sql}: {refused:?}"
        );
    }
    let read: Result<Vec<(i64,)>, DbError> = sqlite
        .cell
        .scope(&reader(1), async |tx| {
            tx.sql("select id from journal").all().await
        })
        .await;
    assert!(matches!(read, Err(DbError::ForeignRow { .. })), "{read:?}");
    for sql in [
        "select * from main.product",
        "select * from tenancy_fence",
        "select * from sqlite_schema",
        "drop view product",
    ] {
        let read: Result<Vec<(i64,)>, DbError> = sqlite
            .cell
            .scope(&reader(1), async |tx| tx.sql(sql).all().await)
            .await;
        assert!(
            matches!(read, Err(DbError::Refused { .. })),
            "{sql}: {read:?}"
        );
    }
    // Nothing of the other tenant changed.
    let mut plain = sqlite.plain().await;
    let titles: Vec<String> = sqlx::query_scalar("select title from product order by tenant_id")
        .fetch_all(&mut plain)
        .await
        .unwrap();
    assert_eq!(titles, ["mug of 1", "mug of 2"]);
}
