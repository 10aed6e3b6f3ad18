//! The demo shops: their files import without a remark, and every picture is
//! there and shown.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use storefront::import::{Importer, Limits, Product, Stored};
use storefront::money::Currency;

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("demo")
}

fn products(shop: &str, currency: &str) -> Vec<Product> {
    let file = std::fs::read(demo().join(format!("{shop}.csv"))).expect("the shop's file");
    let currency = Currency::from_code(currency).expect("a code of the table");
    let mut importer = Importer::new(currency, Limits::default());
    let mut products = importer.feed(&file);
    products.extend(importer.finish());
    for _ in &products {
        importer.stored(Stored::Created);
    }
    let report = importer.into_report();
    let remarks = report.warnings_count + report.unknown_columns.len() as u64;
    assert!(report.is_clean() && remarks == 0, "{report}");
    products
}

#[track_caller]
fn check(shop: &str, currency: &str) {
    let products = products(shop, currency);
    assert!(products.len() >= 24, "a shop worth a visit");
    assert!(
        products
            .iter()
            .all(|p| p.is_listed() && !p.images.is_empty())
    );
    assert!(
        products
            .iter()
            .all(|p| !p.collections.is_empty() && !p.body_html.is_empty())
    );
    assert!(products.iter().any(|p| p.options.len() == 2));

    let shown: BTreeSet<String> = products
        .iter()
        .flat_map(|product| &product.images)
        .map(|image| image.src.clone())
        .collect();
    let folder = demo().join("images").join(shop);
    let files = std::fs::read_dir(folder).expect("the shop's pictures");
    let names = files.map(|entry| entry.expect("a file of the shop").file_name());
    let there: BTreeSet<String> = names
        .map(|name| format!("/demo/{shop}/{}", name.to_string_lossy()))
        .collect();
    assert_eq!(shown, there);
}

#[test]
fn the_ceramics_studio_is_complete() {
    check("kiln", "EUR");
}

#[test]
fn the_outdoor_shop_is_complete() {
    check("yama", "JPY");
}

/// Importing twice changes nothing, which the store sees by these.
#[test]
fn hashes_are_the_same_every_time() {
    let hashes =
        |products: Vec<Product>| -> Vec<_> { products.iter().map(Product::content_hash).collect() };
    assert_eq!(
        hashes(products("kiln", "EUR")),
        hashes(products("kiln", "EUR"))
    );
    assert_ne!(
        hashes(products("yama", "JPY")),
        hashes(products("yama", "KRW"))
    );
}
