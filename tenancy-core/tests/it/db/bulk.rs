//! Whole tables of one tenant, on both databases.

use std::num::NonZeroU32;

use proptest::prelude::*;
use tenancy_core::{
    Table,
    db::{CellDb, Datum, DbError, TableRefused, TableRows},
};

use super::{Sqlite, manifest, options, postgres, reader, stock, writer};

/// Runs the same check on a cell of each database.
async fn on_both(check: impl AsyncFn(&CellDb)) {
    let sqlite = Sqlite::new(2, options(2)).await;
    check(&sqlite.cell).await;
    check(&postgres(2, options(2)).await.0).await;
}

fn table(name: &str) -> Table {
    let manifest = manifest();
    let table = manifest.tables().iter().find(|table| table.name() == name);
    table.unwrap().clone()
}

fn at_most(limit: u32) -> NonZeroU32 {
    NonZeroU32::new(limit).unwrap()
}

fn rows(columns: &[&str], rows: Vec<Vec<Datum>>) -> TableRows {
    TableRows {
        columns: columns.iter().map(|&column| column.into()).collect(),
        rows,
    }
}

fn text(text: &str) -> Datum {
    Datum::Text(text.into())
}

const NOTE: [&str; 5] = ["shelf", "seq", "Desc", "weight", "amount"];

fn note(shelf: &str, seq: i64) -> Vec<Datum> {
    let weight = Datum::Float(0.1);
    vec![
        text(shelf),
        Datum::Int(seq),
        Datum::Null,
        weight,
        Datum::Int(i64::MIN),
    ]
}

async fn insert(cell: &CellDb, id: u32, name: &str, rows: &TableRows) -> Result<u64, DbError> {
    cell.scope(&writer(id), async |tx| {
        tx.insert_into(&table(name), rows).await
    })
    .await
}

async fn delete(cell: &CellDb, id: u32, name: &str, limit: u32) -> u64 {
    cell.scope(&writer(id), async |tx| {
        tx.delete_from(&table(name), at_most(limit)).await
    })
    .await
    .unwrap_or_else(|error: DbError| panic!("{error:?}"))
}

/// All rows of the tenant, read in pages of `limit`, and how many the table says there are.
async fn pages(cell: &CellDb, id: u32, name: &str, limit: u32) -> (TableRows, u64) {
    let table = table(name);
    cell.scope(&reader(id), async |tx| {
        let mut all = tx.rows_of(&table, None, at_most(limit)).await?;
        assert!(all.rows.len() <= limit as usize);
        while let Some(after) = all.last_key(&table) {
            let page = tx.rows_of(&table, Some(&after), at_most(limit)).await?;
            assert!(page.rows.len() <= limit as usize);
            assert_eq!(page.columns, all.columns);
            if page.rows.is_empty() {
                break;
            }
            all.rows.extend(page.rows);
        }
        Ok::<_, DbError>((all, tx.count_of(&table).await?))
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn rows_go_in_and_come_out_in_the_order_of_the_key() {
    on_both(async |cell| {
        let some = rows(
            &NOTE,
            vec![
                note("b", 1),
                note("a", 2),
                note("a", -1),
                note("", 3),
                note("a", 10),
            ],
        );
        assert_eq!(insert(cell, 1, "note", &some).await.unwrap(), 5);
        let sorted = vec![
            note("", 3),
            note("a", -1),
            note("a", 2),
            note("a", 10),
            note("b", 1),
        ];
        for limit in [1, 2, 5, 9] {
            assert_eq!(
                pages(cell, 1, "note", limit).await,
                (rows(&NOTE, sorted.clone()), 5)
            );
        }
        // Columns in another order.
        let other = rows(
            &["amount", "Desc", "seq", "weight", "shelf"],
            vec![vec![
                Datum::Null,
                text("it's \"quoted\""),
                Datum::Int(1),
                Datum::Null,
                text("c"),
            ]],
        );
        assert_eq!(insert(cell, 1, "note", &other).await.unwrap(), 1);
        let (all, _) = pages(cell, 1, "note", 2).await;
        let expect = vec![
            text("c"),
            Datum::Int(1),
            text("it's \"quoted\""),
            Datum::Null,
            Datum::Null,
        ];
        assert_eq!(all.rows.last(), Some(&expect));
        assert_eq!(delete(cell, 1, "note", 4).await, 4);
        let (left, count) = pages(cell, 1, "note", 2).await;
        assert_eq!(
            (left.rows, count),
            (vec![note("b", 1), expect], 2),
            "the first rows go first"
        );
        assert_eq!(delete(cell, 1, "note", 4).await, 2);
        assert_eq!(delete(cell, 1, "note", 4).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_table_with_one_row_a_tenant_has_the_tenant_for_its_key() {
    on_both(async |cell| {
        let motto = rows(&["motto"], vec![vec![text("always fresh")]]);
        let mark = rows(&[], vec![vec![]]);
        for (name, row) in [("profile", &motto), ("mark", &mark)] {
            assert_eq!(insert(cell, 1, name, row).await.unwrap(), 1);
            assert_eq!(pages(cell, 1, name, 10).await, (row.clone(), 1));
            let twice = insert(cell, 1, name, row).await;
            assert!(matches!(twice, Err(DbError::Duplicate { .. })), "{twice:?}");
            assert_eq!(delete(cell, 1, name, 1).await, 1);
            assert_eq!(pages(cell, 1, name, 10).await.1, 0);
        }
    })
    .await;
}

#[tokio::test]
async fn other_tenants_rows_are_neither_read_nor_counted_nor_deleted() {
    on_both(async |cell| {
        for id in [1, 2] {
            let mine = rows(&NOTE, vec![note("a", 1), note("b", i64::from(id) * 10)]);
            insert(cell, id, "note", &mine).await.unwrap();
            stock(cell, id, "Mug").await;
        }
        // Control: the same reading finds them as their own tenant.
        let theirs = pages(cell, 2, "note", 10).await;
        assert_eq!(theirs.1, 2, "control");
        assert_eq!(theirs.0.rows[1][1], Datum::Int(20), "control");

        let (mine, count) = pages(cell, 1, "note", 1).await;
        assert_eq!((mine.rows, count), (vec![note("a", 1), note("b", 10)], 2));
        assert_eq!(delete(cell, 1, "note", 100).await, 2);
        assert_eq!(delete(cell, 1, "product", 100).await, 1);
        assert_eq!(pages(cell, 2, "note", 10).await, theirs);
        assert_eq!(pages(cell, 2, "product", 10).await.1, 1);
    })
    .await;
}

#[track_caller]
fn check_refused<T: std::fmt::Debug>(found: Result<T, DbError>, name: &str, expect: &TableRefused) {
    match found {
        Err(DbError::Table { table, source }) => assert_eq!((&*table, &source), (name, expect)),
        other => panic!("{name}: {other:?}, not {expect:?}"),
    }
}

#[tokio::test]
async fn what_is_no_tenants_table_is_refused() {
    on_both(async |cell| {
        let (write, read) = (writer(1), reader(1));
        let mut tx = cell.begin(&write);
        let mut reading = cell.begin(&read);
        for name in ["currency", "journal"] {
            let (table, none, one) = (table(name), TableRows::default(), at_most(1));
            let refused = TableRefused::NotTenants;
            check_refused(reading.rows_of(&table, None, one).await, name, &refused);
            check_refused(reading.count_of(&table).await, name, &refused);
            check_refused(tx.insert_into(&table, &none).await, name, &refused);
            check_refused(tx.delete_from(&table, one).await, name, &refused);
        }
        let missing = Table::tenant("nowhere", ["id"]);
        let rows = reading.rows_of(&missing, None, at_most(1)).await;
        check_refused(rows, "nowhere", &TableRefused::Missing);
        let width = TableRefused::ColumnType {
            column: "width".into(),
            found: "integer".into(),
        };
        let rows = reading.rows_of(&table("picture"), None, at_most(1)).await;
        check_refused(rows, "picture", &width);
        // Nothing of this has failed the transactions.
        tx.commit().await.unwrap();
        reading.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn rows_that_do_not_fit_are_refused_before_any_is_written() {
    on_both(async |cell| {
        let columns = |found: &[&str]| TableRefused::Columns {
            expected: NOTE.iter().map(|&name| name.into()).collect(),
            found: found.iter().map(|&name| name.into()).collect(),
        };
        for found in [
            &[][..],
            &["shelf", "seq"],
            &["shelf", "seq", "Desc", "weight", "tenant_id"],
            &["shelf", "seq", "Desc", "weight", "weight"],
            &["shelf", "seq", "desc", "weight", "amount"],
            &["shelf", "seq", "Desc", "weight", "amount", "amount"],
        ] {
            let refused = insert(cell, 1, "note", &rows(found, vec![])).await;
            check_refused(refused, "note", &columns(found));
        }
        let mut short = note("b", 1);
        short.pop();
        let width = TableRefused::Width {
            row: 1,
            expected: 5,
            found: 4,
        };
        let refused = insert(cell, 1, "note", &rows(&NOTE, vec![note("a", 1), short])).await;
        check_refused(refused, "note", &width);
        for (at, wrong, expected) in [
            (0, Datum::Int(1), "text"),
            (1, text("1"), "bigint"),
            (1, Datum::Float(1.0), "bigint"),
            (3, Datum::Int(1), "double precision"),
            (3, Datum::Float(f64::NAN), "double precision"),
        ] {
            let mut row = note("b", 1);
            row[at] = wrong;
            let value = TableRefused::Value {
                row: 1,
                column: NOTE[at].into(),
                expected,
            };
            let refused = insert(cell, 1, "note", &rows(&NOTE, vec![note("a", 1), row])).await;
            check_refused(refused, "note", &value);
        }
        assert_eq!(pages(cell, 1, "note", 10).await.1, 0);
    })
    .await;
}

#[tokio::test]
async fn a_key_of_another_shape_is_refused() {
    on_both(async |cell| {
        let ctx = reader(1);
        let mut tx = cell.begin(&ctx);
        let expected = TableRefused::Key {
            expected: vec!["shelf".into(), "seq".into()],
        };
        for after in [
            &[][..],
            &[text("a")],
            &[text("a"), Datum::Null],
            &[text("a"), Datum::Int(1), Datum::Int(1)],
        ] {
            let found = tx.rows_of(&table("note"), Some(after), at_most(1)).await;
            check_refused(found, "note", &expected);
        }
    })
    .await;
}

#[tokio::test]
async fn on_sqlite_a_value_of_another_type_than_its_column_is_named() {
    let sqlite = Sqlite::new(1, options(1)).await;
    let mut plain = sqlite.plain().await;
    sqlx::raw_sql("insert into note values (1, 'a', 1, null, null, 'many')")
        .execute(&mut plain)
        .await
        .unwrap();
    let ctx = reader(1);
    let mut tx = sqlite.cell.begin(&ctx);
    let found = tx.rows_of(&table("note"), None, at_most(1)).await;
    let value = TableRefused::Value {
        row: 0,
        column: "amount".into(),
        expected: "bigint",
    };
    check_refused(found, "note", &value);
}

/// Control: rows that are written meanwhile are seen by the next transaction.
#[tokio::test]
async fn a_read_transaction_sees_one_snapshot() {
    on_both(async |cell| {
        insert(cell, 1, "note", &rows(&NOTE, vec![note("a", 1)]))
            .await
            .unwrap();
        let ctx = reader(1);
        let mut tx = cell.begin(&ctx);
        assert_eq!(tx.count_of(&table("note")).await.unwrap(), 1);
        insert(cell, 1, "note", &rows(&NOTE, vec![note("b", 1)]))
            .await
            .unwrap();
        stock(cell, 1, "Mug").await;
        assert_eq!(tx.count_of(&table("note")).await.unwrap(), 1);
        let page = tx.rows_of(&table("note"), None, at_most(9)).await.unwrap();
        assert_eq!(page.rows, [note("a", 1)]);
        assert_eq!(
            tx.count_of(&table("product")).await.unwrap(),
            0,
            "a table that it had not read before"
        );
        tx.commit().await.unwrap();
        assert_eq!(pages(cell, 1, "note", 9).await.1, 2, "control");
        assert_eq!(pages(cell, 1, "product", 9).await.1, 1, "control");
    })
    .await;
}

fn any_datum(some: impl Strategy<Value = Datum> + 'static) -> BoxedStrategy<Datum> {
    prop_oneof![1 => Just(Datum::Null), 4 => some].boxed()
}

fn any_text() -> impl Strategy<Value = String> {
    // Postgres keeps no zero character.
    proptest::collection::vec(any::<char>().prop_filter("zero", |c| *c != '\0'), 0..12)
        .prop_map(String::from_iter)
}

fn any_rows() -> impl Strategy<Value = Vec<Vec<Datum>>> {
    let key = (prop_oneof!["[ab]", any_text()], any::<i64>());
    let values = (
        any_datum(any_text().prop_map(Datum::Text)),
        any_datum((-f64::MAX..=f64::MAX).prop_map(Datum::Float)),
        any_datum(any::<i64>().prop_map(Datum::Int)),
    );
    // A map, because a key has one row; in the order in which both databases here compare bytes.
    proptest::collection::btree_map(key, values, 0..40).prop_map(|rows| {
        rows.into_iter()
            .map(|((shelf, seq), (desc, weight, amount))| {
                vec![Datum::Text(shelf), Datum::Int(seq), desc, weight, amount]
            })
            .collect()
    })
}

#[test]
fn what_goes_in_comes_out() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let cells = runtime.block_on(async {
        let sqlite = Sqlite::new(2, options(2)).await;
        (sqlite, postgres(2, options(2)).await.0)
    });
    let config = ProptestConfig::with_cases(48);
    proptest!(config, |(all in any_rows(), limit in 1..12_u32)| {
        for cell in [&cells.0.cell, &cells.1] {
            runtime.block_on(async {
                let shuffled = rows(&NOTE, all.iter().rev().cloned().collect());
                let inserted = insert(cell, 1, "note", &shuffled).await.unwrap();
                assert_eq!(inserted, all.len() as u64);
                let (found, count) = pages(cell, 1, "note", limit).await;
                assert_eq!((&found.rows, count), (&all, inserted));
                assert_eq!(pages(cell, 2, "note", limit).await.1, 0);
                let mut deleted = 0;
                while deleted < inserted {
                    let some = delete(cell, 1, "note", limit * 4).await;
                    assert!(some > 0);
                    deleted += some;
                }
            });
        }
    });
}

/// More rows than one statement takes.
#[tokio::test]
async fn many_rows_are_inserted_in_several_statements() {
    on_both(async |cell| {
        let all: Vec<_> = (0..4_000).map(|seq| note("a", seq)).collect();
        let inserted = insert(cell, 1, "note", &rows(&NOTE, all.clone())).await;
        assert_eq!(inserted.unwrap(), 4_000);
        assert_eq!(pages(cell, 1, "note", 1_500).await.0.rows, all);
    })
    .await;
}

crate::db::also_plain! {
    rows_go_in_and_come_out_in_the_order_of_the_key,
    a_table_with_one_row_a_tenant_has_the_tenant_for_its_key,
    other_tenants_rows_are_neither_read_nor_counted_nor_deleted,
    what_is_no_tenants_table_is_refused,
    rows_that_do_not_fit_are_refused_before_any_is_written,
    a_key_of_another_shape_is_refused,
    a_read_transaction_sees_one_snapshot,
    many_rows_are_inserted_in_several_statements,
}
