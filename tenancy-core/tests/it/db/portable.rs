//! One text of SQL, both databases, the same answers.

use tenancy_core::{
    db::{BrokenConstraint, CellDb, CellTx, DbError},
    types::{Kind, Problem as _},
};

use super::{Sqlite, options, postgres, reader, writer};

/// Runs the same check on a cell of each database.
async fn on_both(check: impl AsyncFn(&CellDb)) {
    let sqlite = Sqlite::new(2, options(2)).await;
    check(&sqlite.cell).await;
    check(&postgres(2, options(2)).await.0).await;
}

const UPSERT: &str = "insert into product (tenant_id, id, handle, title, price_minor, score)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (tenant_id, id) do update set title = excluded.title, price_minor = excluded.price_minor
    returning id, title";

async fn upsert(
    tx: &mut CellTx<tenancy_core::ReadWrite>,
    id: i64,
    title: &str,
    price: Option<i64>,
) -> Result<(i64, String), DbError> {
    let (tenant, handle) = (tx.tenant().as_i64(), format!("p{id}"));
    tx.sql(UPSERT)
        .bind(tenant)
        .bind(id)
        .bind(handle)
        .bind(title.to_owned())
        .bind(price)
        .bind(0.5_f64)
        .one()
        .await
}

#[tokio::test]
async fn a_shop_is_written_and_read() {
    on_both(async |cell| {
        cell.scope(&writer(1), async |tx| {
            upsert(tx, 1, "Mug", None).await?;
            upsert(tx, 2, "Jug", Some(900)).await?;
            upsert(tx, 3, "Rug", Some(400)).await?;
            assert_eq!(upsert(tx, 1, "Big mug", None).await?, (1, "Big mug".into()));
            let raised = tx
                .sql("update product set score = $2 where tenant_id = $1 and id >= 2")
                .bind(1_i64)
                .bind(0.75_f64)
                .run()
                .await?;
            assert_eq!(raised, 2);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        cell.scope(&reader(1), async |tx| {
            let titles: Vec<(String,)> = tx
                .sql("select title from product where tenant_id = $1 and id > $2 order by id limit 2")
                .bind(1_i64)
                .bind(1_i64)
                .all()
                .await?;
            assert_eq!(titles, [("Jug".into(),), ("Rug".into(),)]);
            let prices: Vec<(Option<i64>,)> = tx
                .sql("select price_minor from product where tenant_id = $1 order by price_minor nulls first")
                .bind(1_i64)
                .all()
                .await?;
            assert_eq!(prices, [(None,), (Some(400),), (Some(900),)]);
            let sums: (i64, i64, f64) = tx
                .sql(
                    "select count(*), cast(sum(price_minor) as bigint), max(score)
                     from product where tenant_id = $1",
                )
                .bind(1_i64)
                .one()
                .await?;
            assert_eq!(sums, (3, 1_300, 0.75));
            let found: Vec<(i64,)> = tx
                .sql("select id from product where tenant_id = $1 and lower(title) like $2")
                .bind(1_i64)
                .bind("big%")
                .all()
                .await?;
            assert_eq!(found, [(1,)]);
            let exponent: (i64,) = tx
                .sql("select exponent from currency where code = $1")
                .bind("JPY")
                .one()
                .await?;
            assert_eq!(exponent, (0,));
            let none: Option<(i64,)> = tx
                .sql("select id from product where tenant_id = $1 and id = 99")
                .bind(1_i64)
                .optional()
                .await?;
            assert_eq!(none, None);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_fails_is_rolled_back_and_named() {
    on_both(async |cell| {
        let twice: Result<(), DbError> = cell
            .scope(&writer(1), async |tx| {
                upsert(tx, 1, "Mug", None).await?;
                tx.sql("insert into product values ($1, 2, 'p1', 'Other', null, 0.5)")
                    .bind(1_i64)
                    .run()
                    .await?;
                Ok(())
            })
            .await;
        let error = twice.unwrap_err();
        assert!(matches!(error, DbError::Duplicate { .. }), "{error:?}");
        assert_eq!(error.kind(), Kind::Conflict);
        assert_eq!(count(cell).await, 0);
    })
    .await;
}

/// Rows that break a rule of the schema are told apart by the rule, on both databases alike.
#[tokio::test]
async fn a_broken_rule_of_the_schema_is_named() {
    on_both(async |cell| {
        for (sql, expect) in [
            (
                "insert into product values ($1, 2, 'p1', null, null, 0.5)",
                BrokenConstraint::NotNull,
            ),
            (
                "insert into variant values ($1, 77, 1, 'a')",
                BrokenConstraint::ForeignKey,
            ),
        ] {
            let broken = cell
                .scope(&writer(1), async |tx| tx.sql(sql).bind(1_i64).run().await)
                .await
                .unwrap_err();
            assert!(
                matches!(broken, DbError::Constraint { broken, .. } if broken == expect),
                "{broken:?}"
            );
        }
    })
    .await;
}

/// A limit of the database's is a rule like the schema's: it is the row that is wrong, and it is for good.
#[tokio::test]
async fn a_row_that_the_database_cannot_keep_is_named() {
    on_both(async |cell| {
        // More than SQLite keeps in a row; on Postgres more than an index takes, also when it is compressed.
        let sql = match cell {
            CellDb::Sqlite(_) => {
                "insert into product values ($1, 2, 'p2', zeroblob(1000000001), null, 0.5)"
            }
            CellDb::Postgres(_) => {
                "insert into product values ($1, 2, (select string_agg(md5(cast(n as text)), '')
                from generate_series(1, 200) n), 'Mug', null, 0.5)"
            }
        };
        let broken = cell
            .scope(&writer(1), async |tx| tx.sql(sql).bind(1_i64).run().await)
            .await
            .unwrap_err();
        assert!(
            matches!(
                broken,
                DbError::Constraint {
                    broken: BrokenConstraint::Length,
                    ..
                }
            ),
            "{broken:?}"
        );
        assert_eq!(count(cell).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_failed_transaction_commits_nothing() {
    on_both(async |cell| {
        let ctx = writer(1);
        let mut tx = cell.begin(&ctx);
        upsert(&mut tx, 1, "Mug", None).await.unwrap();
        let refused = tx.sql("select nonsense from product").all::<(i64,)>().await;
        assert!(
            matches!(refused, Err(DbError::Statement { .. })),
            "{refused:?}"
        );
        // On SQLite the transaction itself would go on; the answer must not depend on the database.
        let after = upsert(&mut tx, 2, "Jug", None).await;
        assert!(matches!(after, Err(DbError::Failed)), "{after:?}");
        let committed = tx.commit().await;
        assert!(matches!(committed, Err(DbError::Failed)), "{committed:?}");
        assert_eq!(count(cell).await, 0);
    })
    .await;
}

#[tokio::test]
async fn texts_and_parameters_are_checked_before_anything_runs() {
    on_both(async |cell| {
        let ctx = writer(1);
        let mut tx = cell.begin(&ctx);
        let missing = tx
            .sql("select id from product where tenant_id = $1 and id = $2")
            .bind(1_i64)
            .all::<(i64,)>()
            .await;
        assert!(
            matches!(
                missing,
                Err(DbError::Parameters {
                    expected: 2,
                    found: 1,
                    ..
                })
            ),
            "{missing:?}"
        );
        for sql in [
            "commit",
            "select 1; rollback",
            "select set_config('app.tenant_id', '2', true)",
        ] {
            let refused = tx.sql(sql).all::<(i64,)>().await;
            assert!(
                matches!(refused, Err(DbError::Refused { .. })),
                "{refused:?}"
            );
        }
        // The transaction was not touched.
        upsert(&mut tx, 1, "Mug", None).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(count(cell).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_reader_cannot_write_whatever_it_calls_it() {
    on_both(async |cell| {
        let ctx = reader(1);
        let mut tx = cell.begin(&ctx);
        let written = tx
            .sql("insert into product values ($1, 1, 'mug', 'Mug', null, 0.5) returning id")
            .bind(1_i64)
            .all::<(i64,)>()
            .await;
        assert!(
            matches!(written, Err(DbError::Statement { .. })),
            "{written:?}"
        );
        assert_eq!(count(cell).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_row_of_another_type_is_an_error() {
    on_both(async |cell| {
        let ctx = reader(1);
        let mut tx = cell.begin(&ctx);
        let wrong = tx.sql("select code from currency").all::<(i64,)>().await;
        assert!(matches!(wrong, Err(DbError::Decode { .. })), "{wrong:?}");
        tx.rollback().await;
        let mut tx = cell.begin(&ctx);
        let none = tx
            .sql("select code from currency where code = 'XXX'")
            .one::<(String,)>()
            .await;
        assert!(matches!(none, Err(DbError::NoRow { .. })), "{none:?}");
    })
    .await;
}

async fn count(cell: &CellDb) -> i64 {
    let ctx = reader(1);
    let mut tx = cell.begin(&ctx);
    let (count,) = tx
        .sql("select count(*) from product where tenant_id = $1")
        .bind(1_i64)
        .one()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    count
}

crate::db::also_plain! {
    a_shop_is_written_and_read,
    what_fails_is_rolled_back_and_named,
    a_broken_rule_of_the_schema_is_named,
    a_failed_transaction_commits_nothing,
    texts_and_parameters_are_checked_before_anything_runs,
    a_reader_cannot_write_whatever_it_calls_it,
    a_row_of_another_type_is_an_error,
}
