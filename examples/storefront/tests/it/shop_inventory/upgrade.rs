//! A cell of the version before learns to sell.

use std::num::NonZeroU16;

use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use storefront::shop::schema;
use tenancy_core::db::{CellOptions, SqliteCell};
use tenancy_migrate::{Schema, Version, upgrade_sqlite};
use tenancy_types::SystemClock;

fn versions(count: usize) -> Schema {
    let versions = (1..).zip(&schema::VERSIONS[..count]);
    let versions = versions.map(|(number, version)| {
        Version::new(number, version.name, version.statements.join(";\n"))
    });
    Schema::new(versions).unwrap()
}

const OLD_ROWS: &str = "
insert into shop values (1, 'Shop', 'EUR', 1), (2, 'Shop', 'EUR', 1);
insert into product (tenant_id, product_id, handle, title, sort_title, body_html, vendor, product_type, category,
    seo_title, seo_description, listed, status, available, content_hash, created_at, updated_at)
values (1, 10, 'a', 'A', 'a', '', '', '', '', '', '', 1, 'active', 1, 'h', 5, 6),
    (2, 10, 'a', 'A', 'a', '', '', '', '', '', '', 1, 'active', 1, 'h', 5, 7);
insert into product_variant (tenant_id, variant_id, product_id, position, sku, barcode, price, grams, quantity,
    sold_without_stock, available)
values (1, 11, 10, 0, '', '', 100, 0, 8, 0, 1), (1, 12, 10, 1, '', '', 100, 0, null, 0, 1),
    (1, 13, 10, 2, '', '', 100, 0, 0, 0, 0), (2, 11, 10, 0, '', '', 100, 0, 3, 0, 1);";

#[tokio::test]
async fn what_was_counted_becomes_the_opening_stock() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cell.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    upgrade_sqlite(&versions(1), &options, &SystemClock)
        .await
        .unwrap();
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(OLD_ROWS)
        .execute(&mut connection)
        .await
        .unwrap();
    let upgrade = upgrade_sqlite(&versions(2), &options, &SystemClock)
        .await
        .unwrap();
    assert_eq!((upgrade.from, upgrade.to), (1, 2));
    let stock: Vec<(i64, i64, i64, i64, i64)> = sqlx::query_as(
        "select tenant_id, variant_id, received, on_hand, seq from stock order by tenant_id, variant_id",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(
        stock,
        [(1, 11, 8, 8, 1), (1, 13, 0, 0, 1), (2, 11, 3, 3, 1)]
    );
    let log: Vec<(i64, i64, i64, String, i64, i64)> = sqlx::query_as(
        "select tenant_id, variant_id, seq, kind, quantity, at from stock_event order by tenant_id, variant_id",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let received = || "received".to_owned();
    assert_eq!(
        log,
        [
            (1, 11, 1, received(), 8, 6),
            (1, 13, 1, received(), 0, 6),
            (2, 11, 1, received(), 3, 7)
        ]
    );
    connection.close().await.unwrap();
    let newest = versions(schema::VERSIONS.len());
    upgrade_sqlite(&newest, &options, &SystemClock)
        .await
        .unwrap();
    let readers = NonZeroU16::new(1).unwrap();
    let cell = SqliteCell::open(path, &schema::manifest(), CellOptions::new(readers)).await;
    cell.expect("the upgraded schema is the manifest's");
}
