//! Archives on their way from one cell to another.

use std::{io::Write as _, num::NonZeroU32, path::PathBuf, pin::pin, task::Poll};

use expect_test::expect;
use proptest::prelude::*;
use tempfile::TempDir;
use tenancy_core::{
    ReadOnly, TenantContext,
    db::{CellDb, Datum, DbError},
    isolation::IsolationMode,
};
use tenancy_migrate::{
    Archive, ArchiveError, ArchivedTable, Export, ExportedArchive, TableCounts, count_rows,
    delete_rows, export,
};
use tenancy_types::{Kind, Lifecycle, Problem as _, UnixMicros};

use crate::{
    cells::{self, Context, fill, insert, manifest, on_both, tenant, text},
    interrupt::{Drop, interrupt},
};

pub(crate) const VERSION: u32 = 2;

/// Exports with the tests' settings.
pub(crate) async fn exported(
    cell: &CellDb,
    ctx: &TenantContext<ReadOnly>,
) -> Result<ExportedArchive, ArchiveError> {
    let folder = std::env::temp_dir();
    let manifest = manifest();
    let settings = Export {
        manifest: &manifest,
        schema_version: VERSION,
        about: r#"{"slug": "garden", "big": 12345678901234567890123}"#,
        exported_at: UnixMicros::new(1_767_225_600_000_000),
        folder: &folder,
    };
    export(cell, ctx, &settings).await
}

/// An archive that was exported to a file of its own.
pub(crate) async fn file_of(cell: &CellDb, ctx: &Context, folder: &TempDir) -> PathBuf {
    let mut exported = exported(cell, &ctx.to_read_only()).await.unwrap();
    let path = folder.path().join("garden.tar");
    let mut file = std::fs::File::create(&path).unwrap();
    let copied = std::io::copy(&mut exported.file, &mut file).unwrap();
    assert_eq!(copied, exported.bytes);
    file.flush().unwrap();
    path
}

async fn tables_of(cell: &CellDb, ctx: &Context) -> Vec<ArchivedTable> {
    let exported = exported(cell, &ctx.to_read_only()).await.unwrap();
    exported.manifest.tables
}

async fn counted(cell: &CellDb, ctx: &Context) -> TableCounts {
    let ctx = ctx.to_read_only();
    count_rows(cell, &ctx, &manifest()).await.unwrap()
}

async fn load(archive: &Archive, cell: &CellDb, ctx: &Context) -> Result<(), ArchiveError> {
    archive.load(cell, ctx, &manifest(), VERSION).await
}

#[tokio::test]
async fn what_an_archive_says() {
    on_both(async |cell| {
        let folder = tempfile::tempdir().unwrap();
        let shop = tenant(cell, 7, Lifecycle::Active).await;
        fill(cell, &shop, 1).await;
        fill(cell, &tenant(cell, 8, Lifecycle::Active).await, 3).await;
        let path = file_of(cell, &shop, &folder).await;
        let mut found = String::new();
        for entry in tar::Archive::new(std::fs::File::open(path).unwrap())
            .entries()
            .unwrap()
        {
            let mut entry = entry.unwrap();
            found += &format!("--- {}\n", entry.path().unwrap().display());
            std::io::Read::read_to_string(&mut entry, &mut found).unwrap();
        }
        expect![[r#"
            --- manifest.json
            {
              "format": 1,
              "exported_at": 1767225600000000,
              "tenant_id": 7,
              "cell": 1,
              "epoch": "0.1",
              "schema_version": 2,
              "about": {"slug": "garden", "big": 12345678901234567890123},
              "tables": [
                {
                  "name": "product",
                  "columns": [
                    "id",
                    "title",
                    "price",
                    "weight"
                  ],
                  "rows": 1,
                  "bytes": 49,
                  "blake3": "7975f5e42637439279ba37d0da27204493bc9e6a2bfaf873171a41d181ff4d51"
                },
                {
                  "name": "variant",
                  "columns": [
                    "product_id",
                    "sku",
                    "amount"
                  ],
                  "rows": 2,
                  "bytes": 76,
                  "blake3": "c1c9b516a242425ed48d750abdf3987d657e0fd8b1a678f5ff31bf2a8c834195"
                },
                {
                  "name": "shop",
                  "columns": [
                    "name"
                  ],
                  "rows": 1,
                  "bytes": 23,
                  "blake3": "dcb5804024ac33d87016bd66d2cda1b5095456c7e208d3e35f9bb867507801a9"
                }
              ]
            }
            --- manifest.blake3
            81cd6d83c9622a88acb5e3ae1f82ef0148f5f2ea89e93045d23bddedfa9d657d
            --- tables/product.jsonl
            {"id":1,"title":"Mug","price":null,"weight":0.1}
            --- tables/variant.jsonl
            {"product_id":1,"sku":"a","amount":1}
            {"product_id":1,"sku":"b","amount":1}
            --- tables/shop.jsonl
            {"name":"Garden 🧵"}
        "#]]
        .assert_eq(&found);
    })
    .await;
}

#[tokio::test]
async fn an_archive_is_loaded_into_a_cell_of_the_other_database() {
    let (sqlite, postgres) = (
        cells::sqlite().await,
        cells::postgres(IsolationMode::Sealed).await,
    );
    for (from, to) in [(&sqlite, &postgres), (&postgres, &sqlite)] {
        let folder = tempfile::tempdir().unwrap();
        let shop = tenant(&from.db, 7, Lifecycle::Active).await;
        // More than two batches.
        fill(&from.db, &shop, 1_001).await;
        let path = file_of(&from.db, &shop, &folder).await;
        let archive = Archive::open(path).await.unwrap();
        assert_eq!(archive.manifest().tenant.get(), 7);
        let new = tenant(&to.db, 9, Lifecycle::Provisioning).await;
        for _ in 0..2 {
            load(&archive, &to.db, &new).await.unwrap();
            assert_eq!(tables_of(&to.db, &new).await, archive.manifest().tables);
        }
    }
}

/// Any rows that both databases can keep.
fn rows() -> impl Strategy<Value = (Vec<Vec<Datum>>, Vec<Vec<Datum>>)> {
    let number = prop_oneof![
        Just(Datum::Null),
        any::<i64>().prop_map(Datum::Int),
        Just(Datum::Int(i64::MIN)),
        Just(Datum::Int(i64::MAX)),
    ];
    let float = prop_oneof![
        Just(Datum::Null),
        any::<f64>()
            .prop_filter("databases keep numbers", |float| float.is_finite())
            .prop_map(Datum::Float),
    ];
    // Postgres keeps every character but zero.
    let title = any::<String>().prop_map(|title| Datum::Text(title.replace('\0', "")));
    let product = (title, number, float).prop_map(|(title, price, weight)| [title, price, weight]);
    let products = prop::collection::vec(product, 0..40).prop_map(|products| {
        let row = |(id, [title, price, weight]): (i64, [Datum; 3])| {
            vec![Datum::Int(id), title, price, weight]
        };
        (-5..).zip(products).map(row).collect::<Vec<_>>()
    });
    (
        products,
        prop::collection::btree_set("[a-zA-Z_ \u{e4}\u{1f9f5}-]{0,6}", 0..20),
    )
        .prop_map(|(products, skus)| {
            let parents = products.iter().map(|row| row[0].clone()).cycle();
            let variant =
                |(product, sku): (Datum, String)| vec![product, Datum::Text(sku), Datum::Int(1)];
            let variants = parents.zip(skus).map(variant).collect();
            (products, variants)
        })
}

/// From the one database to the other and back: the same rows, each table's to the byte.
#[test]
fn rows_survive_both_databases() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sqlite, postgres) = runtime.block_on(async {
        (
            cells::sqlite().await,
            cells::postgres(IsolationMode::Sealed).await,
        )
    });
    let ids = std::sync::atomic::AtomicU32::new(1);
    let id = || ids.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    proptest!(ProptestConfig::with_cases(8), |((products, variants) in rows())| {
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let first = tenant(&sqlite.db, id(), Lifecycle::Active).await;
            insert(&sqlite.db, &first, "product", products).await;
            insert(&sqlite.db, &first, "variant", variants).await;
            let archive = Archive::open(file_of(&sqlite.db, &first, &folder).await).await.unwrap();
            let second = tenant(&postgres.db, id(), Lifecycle::Provisioning).await;
            load(&archive, &postgres.db, &second).await.unwrap();
            let back = Archive::open(file_of(&postgres.db, &second, &folder).await).await.unwrap();
            assert_eq!(back.manifest().tables, archive.manifest().tables);
            let third = tenant(&sqlite.db, id(), Lifecycle::Provisioning).await;
            load(&back, &sqlite.db, &third).await.unwrap();
            assert_eq!(tables_of(&sqlite.db, &third).await, archive.manifest().tables);
        });
    });
}

/// A dropped load is a crash, at points all along the way: the next one goes on.
#[tokio::test]
async fn an_interrupted_load_is_gone_on_with() {
    let cell = cells::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let shop = tenant(&cell.db, 1, Lifecycle::Active).await;
    fill(&cell.db, &shop, 510).await;
    let archive = Archive::open(file_of(&cell.db, &shop, &folder).await)
        .await
        .unwrap();
    let mut ids = 2..;
    let mut partly = 0;
    // An answer that has arrived by the time it is asked for is no wait, so a pass may meet few of them.
    for _ in 0..16 {
        for (drop, polls) in [Drop::Asked, Drop::Answered]
            .into_iter()
            .flat_map(|drop| (11..99).step_by(11).map(move |polls| (drop, polls)))
        {
            let new = tenant(&cell.db, ids.next().unwrap(), Lifecycle::Provisioning).await;
            interrupt(load(&archive, &cell.db, &new), polls, drop).await;
            let there = counted(&cell.db, &new).await;
            partly += u32::from(there.total() > 0 && there.total() < 1_531);
            load(&archive, &cell.db, &new).await.unwrap();
            assert_eq!(tables_of(&cell.db, &new).await, archive.manifest().tables);
        }
        if partly > 3 {
            return;
        }
    }
    panic!("some are interrupted in the middle: {partly}");
}

/// Each may fail because of the other, but no row is lost or there twice, and the next load mends it.
#[tokio::test]
async fn two_loaders_do_no_harm() {
    on_both(async |cell| {
        let folder = tempfile::tempdir().unwrap();
        let shop = tenant(cell, 1, Lifecycle::Active).await;
        fill(cell, &shop, 1_200).await;
        let archive = Archive::open(file_of(cell, &shop, &folder).await)
            .await
            .unwrap();
        let new = tenant(cell, 2, Lifecycle::Provisioning).await;
        let both = tokio::join!(load(&archive, cell, &new), load(&archive, cell, &new));
        for result in [both.0, both.1] {
            assert!(
                matches!(result, Ok(()) | Err(ArchiveError::Occupied { .. })),
                "{result:?}"
            );
        }
        load(&archive, cell, &new).await.unwrap();
        assert_eq!(tables_of(cell, &new).await, archive.manifest().tables);
    })
    .await;
}

#[tokio::test]
async fn a_load_that_does_not_fit_writes_nothing() {
    let cell = cells::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let shop = tenant(&cell.db, 1, Lifecycle::Active).await;
    fill(&cell.db, &shop, 3).await;
    let archive = Archive::open(file_of(&cell.db, &shop, &folder).await)
        .await
        .unwrap();
    let served = load(&archive, &cell.db, &shop).await.unwrap_err();
    assert_eq!(
        served.to_string(),
        "an archive is not loaded into a tenant that is active"
    );
    assert_eq!(served.kind(), Kind::Conflict);
    let new = tenant(&cell.db, 2, Lifecycle::Provisioning).await;
    let older = archive.load(&cell.db, &new, &manifest(), 1).await;
    assert_eq!(
        older.unwrap_err().to_string(),
        "the archive is of schema version 2, this cell has 1"
    );
    let more = tenancy_core::Manifest::new([tenancy_core::Table::tenant("shop", [])]).unwrap();
    let other = archive.load(&cell.db, &new, &more, VERSION).await;
    assert_eq!(
        other.unwrap_err().to_string(),
        "the archive's tables are (product, shop, variant), the cell's (shop)"
    );
    let nothing = counted(&cell.db, &new).await;
    assert_eq!(nothing.total(), 0);
    // A row that is not the archive's: in the place of one, in the way of one, or beside them.
    for (id, table, row) in [
        (3, "shop", vec![text("Hat")]),
        (
            4,
            "product",
            vec![Datum::Int(2), text("Hat"), Datum::Null, Datum::Null],
        ),
        (
            5,
            "product",
            vec![Datum::Int(9), text("Hat"), Datum::Null, Datum::Null],
        ),
    ] {
        let used = tenant(&cell.db, id, Lifecycle::Provisioning).await;
        insert(&cell.db, &used, table, vec![row]).await;
        let error = load(&archive, &cell.db, &used).await.unwrap_err();
        assert_eq!(error.code().as_str(), "archive_not_wanted", "{error}");
    }
}

/// SQLite indexes texts of any length, Postgres does not: no repetition of the load would help.
#[tokio::test]
async fn a_value_that_the_other_database_cannot_index_is_a_verdict_on_its_line() {
    let (from, to) = (
        cells::sqlite().await,
        cells::postgres(IsolationMode::Sealed).await,
    );
    let folder = tempfile::tempdir().unwrap();
    let shop = tenant(&from.db, 1, Lifecycle::Active).await;
    fill(&from.db, &shop, 3).await;
    // Of numbers that do not repeat themselves, so that it cannot be compressed.
    let long: String = (0..1_000)
        .map(|n: u32| format!("{:x}", n.wrapping_mul(0x9e37_79b1)))
        .collect();
    let row = |sku: &str| vec![Datum::Int(2), text(sku), Datum::Int(1)];
    insert(&from.db, &shop, "variant", vec![row(&long)]).await;
    let archive = Archive::open(file_of(&from.db, &shop, &folder).await)
        .await
        .unwrap();
    let new = tenant(&to.db, 2, Lifecycle::Provisioning).await;
    for _ in 0..2 {
        let error = load(&archive, &to.db, &new).await.unwrap_err();
        assert!(error.is_verdict(), "{error:?}");
        assert_eq!(
            error.to_string(),
            "tables/variant.jsonl, line 3: it is longer than the database can keep, or its values than an index can have"
        );
    }
    // Control: one that Postgres takes.
    let short = cells::sqlite().await;
    let shop = tenant(&short.db, 1, Lifecycle::Active).await;
    fill(&short.db, &shop, 3).await;
    insert(&short.db, &shop, "variant", vec![row(&long[..2_000])]).await;
    let archive = Archive::open(file_of(&short.db, &shop, &folder).await)
        .await
        .unwrap();
    let new = tenant(&to.db, 3, Lifecycle::Provisioning).await;
    load(&archive, &to.db, &new).await.unwrap();
    let ctx = new.to_read_only();
    let read = async |tx: &mut tenancy_core::db::CellTx<ReadOnly>| {
        tx.sql("select length(sku) from variant where tenant_id = $1 order by 1 desc limit 1")
            .bind(3_i64)
            .one::<(i32,)>()
            .await
    };
    assert_eq!(to.db.scope(&ctx, read).await.unwrap(), (2_000,));
}

/// The rows of a tenant agree with each other in an archive, although they change while it is made.
#[tokio::test]
async fn an_archive_is_one_snapshot() {
    on_both(async |cell| {
        let shop = tenant(cell, 1, Lifecycle::Active).await;
        fill(cell, &shop, 1_200).await;
        let reader = shop.to_read_only();
        let mut export = pin!(exported(cell, &reader));
        let mut written = 0;
        let mut archive = loop {
            // Once in each poll, so that it is written to in every gap between two of its statements.
            let polled = std::future::poll_fn(|context| Poll::Ready(export.as_mut().poll(context)));
            if let Poll::Ready(done) = polled.await {
                break done.unwrap();
            }
            sell(cell, &shop, 2_000 + written).await;
            written += 1;
        };
        assert!(written > 3, "it was written to meanwhile: {written}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shop.tar");
        std::io::copy(
            &mut archive.file,
            &mut std::fs::File::create(&path).unwrap(),
        )
        .unwrap();
        Archive::open(path).await.unwrap();
        let [product, variant] = ["product", "variant"].map(|name| {
            let tables = &archive.manifest.tables;
            tables
                .iter()
                .find(|table| &*table.name == name)
                .unwrap()
                .rows
        });
        assert_eq!(product * 2, variant, "each product with its two variants");
        // The same rows, read in two transactions, do not agree: it is the snapshot that makes them.
        let before = counted(cell, &shop).await;
        sell(cell, &shop, 1_000_000).await;
        let after = counted(cell, &shop).await;
        assert_ne!(
            before.rows("product").unwrap() * 2,
            after.rows("variant").unwrap()
        );
    })
    .await;
}

/// A product and its two variants, in one transaction.
async fn sell(cell: &CellDb, ctx: &Context, id: i64) {
    cell.scope(ctx, async |tx| {
        let tenant = tx.tenant().as_i64();
        tx.sql("insert into product (tenant_id, id, title) values ($1, $2, 'Hat')")
            .bind(tenant)
            .bind(id)
            .run()
            .await?;
        tx.sql("insert into variant (tenant_id, product_id, sku, amount) values ($1, $2, 'a', 1), ($1, $2, 'b', 1)")
            .bind(tenant)
            .bind(id)
            .run()
            .await
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_row_that_json_cannot_say_is_named() {
    let cell = cells::sqlite().await;
    let shop = tenant(&cell.db, 1, Lifecycle::Active).await;
    let row = vec![
        Datum::Int(1),
        text("Mug"),
        Datum::Null,
        Datum::Float(f64::INFINITY),
    ];
    insert(&cell.db, &shop, "product", vec![row]).await;
    let error = exported(&cell.db, &shop.to_read_only()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "a row of table product cannot be archived: weight cannot be \"inf\""
    );
}

#[tokio::test]
async fn rows_are_deleted_in_batches_and_only_the_tenants() {
    on_both(async |cell| {
        let shop = tenant(cell, 1, Lifecycle::Active).await;
        let other = tenant(cell, 2, Lifecycle::Active).await;
        fill(cell, &shop, 25).await;
        fill(cell, &other, 3).await;
        let kept = tables_of(cell, &other).await;
        let (manifest, batch) = (manifest(), NonZeroU32::new(7).unwrap());
        let expected: TableCounts = "product=25 shop=1 variant=50".parse().unwrap();
        assert_eq!(counted(cell, &shop).await, expected);
        // Dropped in the middle, and gone on with.
        let left = partly_deleted(cell, &shop, batch).await;
        assert!(left.total() > 0, "it was done before anybody looked");
        let deleted = delete_rows(cell, &shop, &manifest, batch).await.unwrap();
        // A commit that was dropped may have happened later than the count.
        assert!((0..=7).contains(&(left.total() - deleted.total())));
        let nothing = delete_rows(cell, &shop, &manifest, batch).await.unwrap();
        assert_eq!(nothing, "product=0 shop=0 variant=0".parse().unwrap());
        assert_eq!(counted(cell, &shop).await, nothing);
        assert_eq!(tables_of(cell, &other).await, kept);
    })
    .await;
}

/// What is left when deleting is dropped as soon as somebody sees that it has begun. How many polls that takes is the
/// machine's matter.
async fn partly_deleted(cell: &CellDb, shop: &Context, batch: NonZeroU32) -> TableCounts {
    let manifest = manifest();
    let whole = counted(cell, shop).await;
    let mut deleting = pin!(delete_rows(cell, shop, &manifest, batch));
    loop {
        let once = interrupt(deleting.as_mut(), 1, Drop::Asked).await;
        let left = counted(cell, shop).await;
        if once.is_some() || left != whole {
            return left;
        }
    }
}

/// While a large tenant is emptied, a small one writes.
#[tokio::test]
async fn others_write_between_two_batches() {
    on_both(async |cell| {
        let shop = tenant(cell, 1, Lifecycle::Active).await;
        let other = tenant(cell, 2, Lifecycle::Active).await;
        fill(cell, &shop, 200).await;
        // A connection that has to be made first may take longer than all of the deleting.
        sell(cell, &other, -1).await;
        let (manifest, batch) = (manifest(), NonZeroU32::new(10).unwrap());
        let mut deleting = pin!(delete_rows(cell, &shop, &manifest, batch));
        let mut written = 0;
        loop {
            tokio::select! {
                biased;
                done = &mut deleting => break drop_ok(done),
                () = sell(cell, &other, written) => written += 1,
            }
        }
        // None would get in if deleting were one turn. How many do is the machine's matter.
        assert!(written > 0, "nobody else wrote");
    })
    .await;
}

fn drop_ok(done: Result<TableCounts, DbError>) {
    assert_eq!(done.unwrap().total(), 601);
}
