//! Shops from archives: new ones in any cell, and shops that get back what they had.

use std::{collections::BTreeMap, path::Path};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    export::{entries, export, rows},
    http::{Answer, Client},
    offboarding::offboard,
    platform::{Kind, Platform, each_kind},
};

each_kind!(
    rows_that_do_not_go_together_make_nothing_and_replace_nothing,
    rows_that_one_database_refuses_make_nothing_and_replace_nothing,
    a_shop_gets_back_what_was_deleted_by_mistake,
    a_file_that_is_no_whole_archive_makes_nothing_and_replaces_nothing,
);

const FILE: &str = "\
Handle,Title,Tags,Variant Inventory Qty,Variant Price
lamp,Brass lamp,\"light, brass\",40,12
bowl,Oak bowl,wood,7,30
";

pub(super) async fn archive_of(platform: &Platform, shop: &str) -> String {
    let archive = export(platform, shop).await;
    assert_eq!(archive.status, 200, "{}", archive.body);
    archive.body
}

pub(super) async fn import(operator: &Client, query: &str, archive: &str) -> Answer {
    let path = format!("/v1/archives?{query}");
    operator.post(&path, archive.to_owned()).await
}

async fn replace(operator: &Client, shop: &str, confirm: &str, archive: &str) -> Answer {
    let path = format!("/v1/tenants/{shop}/archive?confirm={confirm}");
    operator.send(Method::PUT, &path, archive.to_owned()).await
}

/// Buys a piece and returns the order's token.
async fn buy(platform: &Platform, shop: &str, product: &str) -> Value {
    let visitor = platform.visitor(&format!("{shop}.localhost"));
    let shown = visitor.get(&format!("/api/products/{product}")).await;
    let body = json!({
        "items": [{"variant_id": shown.expect_status(200)["variants"][0]["variant_id"], "quantity": 1}],
        "email": "ada@buyer.example", "payment_token": "test",
    });
    let visitor = visitor.header("content-type", "application/json");
    let placed = visitor.post("/api/checkout", body.to_string()).await;
    placed.expect_status(201)["order_token"].clone()
}

/// A shop that has sold, and given a part of the money back.
pub(super) async fn shop_that_sells(platform: &Platform) -> Value {
    let shop = platform.make_shop("acme").await;
    platform.import("acme", FILE).await;
    buy(platform, "acme", "bowl").await;
    let token = buy(platform, "acme", "lamp").await;
    let path = format!("/v1/tenants/acme/orders/{}", token.as_str().unwrap());
    let operator = platform.operator();
    let order = operator.get(&path).await.expect_status(200);
    let path = format!(
        "/v1/tenants/acme/orders/{}",
        order["order_id"].as_str().unwrap()
    );
    let refund = json!({"amount_minor": 300}).to_string();
    operator
        .post(&format!("{path}/refund"), refund)
        .await
        .expect_status(200);
    operator
        .post(&format!("{path}/fulfil"), "{}".to_owned())
        .await
        .expect_status(200);
    shop
}

pub(super) async fn tenants(operator: &Client) -> Vec<Value> {
    let listed = operator.get("/v1/tenants?limit=1000").await;
    listed.expect_status(200)["tenants"]
        .as_array()
        .unwrap()
        .clone()
}

/// The files that wait to be loaded.
pub(super) fn waiting(data: &Path) -> Vec<std::ffi::OsString> {
    let files = std::fs::read_dir(data.join("archives")).unwrap();
    files.map(|file| file.unwrap().file_name()).collect()
}

#[track_caller]
pub(super) fn check_equal(
    found: &BTreeMap<String, Vec<Value>>,
    expect: &BTreeMap<String, Vec<Value>>,
) {
    let names = |rows: &BTreeMap<String, Vec<Value>>| rows.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(expect));
    for (table, rows) in expect {
        assert_eq!(&found[table], rows, "{table}");
    }
}

/// The rows without what says who is paid, which an import as another shop leaves to the original.
pub(super) fn without_payments(
    mut rows: BTreeMap<String, Vec<Value>>,
) -> BTreeMap<String, Vec<Value>> {
    for table in ["checkout_key", "cart", "cart_item"] {
        rows.insert(table.to_owned(), Vec::new());
    }
    for order in rows.get_mut("shop_order").into_iter().flatten() {
        order.as_object_mut().unwrap().remove("payment_key");
    }
    rows
}

async fn conserved(operator: &Client, shop: &str) {
    let path = format!("/v1/tenants/{shop}/stock/check");
    let check = operator.get(&path).await.expect_status(200);
    assert_eq!(check["differences"], json!([]));
}

#[tokio::test]
async fn an_archive_becomes_a_shop_in_any_cell_and_the_original_keeps_what_it_has() {
    let platform = Platform::empty();
    let acme = shop_that_sells(&platform).await;
    let before = rows(&platform, "acme").await;
    let archive = archive_of(&platform, "acme").await;
    let operator = platform.operator();
    let cells = operator.get("/v1/cells").await.expect_status(200);
    let cells = cells["cells"].as_array().unwrap();
    let mut other = cells.iter().map(|cell| &cell["cell"]);
    let other = other.find(|cell| **cell != acme["cell"]).unwrap();
    let number = other.as_str().unwrap().strip_prefix("cell-").unwrap();
    let query = format!("slug=west&cell={number}");

    let keyed = operator.clone().header("idempotency-key", "west-1");
    let made = import(&keyed, &query, &archive).await.expect_status(201);
    assert_eq!(
        (&made["tenant_id"], &made["slug"], &made["cell"]),
        (&json!(2), &json!("west"), other)
    );
    assert_eq!(
        (&made["plan"], &made["lifecycle"]),
        (&json!("basic"), &json!("active"))
    );
    assert_eq!(
        import(&keyed, &query, &archive).await.expect_status(201),
        made
    );
    import(&keyed, "slug=south", &archive)
        .await
        .expect_error(422, "idempotency_mismatch");

    let (west, original) = (rows(&platform, "west").await, before.clone());
    let kept = ["shop_order", "checkout_key"].map(|table| (&west[table], &original[table]));
    assert_eq!((kept[1].0.len(), kept[1].1.len()), (0, 2));
    check_equal(
        &without_payments(west.clone()),
        &without_payments(original.clone()),
    );
    for order in kept[0].0 {
        // Nobody is paid, or pays, twice: the provider knows it under no such key.
        let key = order["payment_key"].as_str().unwrap();
        assert!(key.starts_with("elsewhere "), "{key}");
        let path = format!(
            "/v1/tenants/west/orders/{}",
            order["token"].as_str().unwrap()
        );
        let shown = operator.get(&path).await.expect_status(200);
        let path = format!(
            "/v1/tenants/west/orders/{}/refund",
            shown["order_id"].as_str().unwrap()
        );
        let refund = operator.post(&path, "{}".to_owned()).await;
        refund.expect_error(409, "payment_elsewhere");
    }
    conserved(&operator, "west").await;
    let visitor = platform.visitor("west.localhost");
    let found = visitor.get("/api/search?q=brass").await.expect_status(200);
    assert_eq!(found["products"][0]["handle"], "lamp");
    // What one sells, the other has still.
    buy(&platform, "west", "bowl").await;
    conserved(&operator, "west").await;
    check_equal(&rows(&platform, "acme").await, &before);
    conserved(&operator, "acme").await;
    assert_ne!(rows(&platform, "west").await["stock"], before["stock"]);

    // What the query leaves out is as the archive says.
    import(&operator, "", &archive)
        .await
        .expect_error(409, "slug_taken");
    for wrong in [
        "slug=east&plan=none",
        "slug=east&cell=77",
        "slug=east&region=moon",
        "slug=E",
        "what=1",
    ] {
        import(&operator, wrong, &archive)
            .await
            .expect_error(400, "invalid_request");
    }
    assert_eq!(tenants(&operator).await.len(), 2);
    assert_eq!(waiting(&platform.data()), [""; 0]);
}

/// An entry of a tar.
fn entry(name: &str, content: &str) -> String {
    let mut header = format!(
        "{name:\0<100}0000644\x000000000\x000000000\x00{:011o}\x0000000000000\x00        0",
        content.len()
    );
    header += &"\0".repeat(512 - header.len());
    let sum: u32 = header.bytes().map(u32::from).sum();
    header.replace_range(148..156, &format!("{sum:06o}\0 "));
    let padded = content.len().next_multiple_of(512) - content.len();
    header + content + &"\0".repeat(padded)
}

/// A tar of one file.
fn tar(name: &str, content: &str) -> String {
    entry(name, content) + &"\0".repeat(1024)
}

/// An archive with other rows in a table, and checksums that say so: nothing was damaged on the way.
pub(crate) fn damaged(archive: &str, table: &str, change: impl FnOnce(&mut String)) -> String {
    let mut entries = entries(archive);
    let mut manifest: Value = serde_json::from_str(&entries["manifest.json"]).unwrap();
    let rows = entries.get_mut(&format!("tables/{table}.jsonl")).unwrap();
    let before = rows.clone();
    change(rows);
    assert_ne!(*rows, before, "{table} is as it was");
    let tables = manifest["tables"].as_array_mut().unwrap();
    let about = tables.iter_mut().find(|about| about["name"] == table);
    let about = about.unwrap();
    about["rows"] = rows.lines().count().into();
    about["bytes"] = rows.len().into();
    about["blake3"] = blake3::hash(rows.as_bytes()).to_string().into();
    let text = manifest.to_string();
    let hash = format!("{}\n", blake3::hash(text.as_bytes()));
    let mut tar = entry("manifest.json", &text) + &entry("manifest.blake3", &hash);
    for about in manifest["tables"].as_array().unwrap() {
        let name = format!("tables/{}.jsonl", about["name"].as_str().unwrap());
        tar += &entry(&name, &entries[&name]);
    }
    tar + &"\0".repeat(1024)
}

type Damage = fn(&mut String);

/// Letters and digits of which no two stretches are alike.
fn incompressible(length: usize) -> String {
    std::iter::repeat_with(fastrand::alphanumeric)
        .take(length)
        .collect()
}

/// A table, what is done to its rows, and the status and a part of the text with which they are refused.
type Case = (&'static str, Damage, u16, &'static str);

/// Rows that no shop can have had: who has written them has written the checksums, too.
async fn rows_that_do_not_go_together_make_nothing_and_replace_nothing(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    shop_that_sells(&platform).await;
    let cases: [Case; 8] = [
        (
            "product",
            |rows| rows.extend(rows.clone().lines().next().map(|line| format!("{line}\n"))),
            400,
            "tables/product.jsonl, line 3: a line before it has its key",
        ),
        (
            "product",
            |rows| *rows = rows.replacen("\"handle\":\"lamp\"", "\"handle\":\"bowl\"", 1),
            400,
            "tables/product.jsonl, line 2: a line before it has its key",
        ),
        (
            "product",
            |rows| *rows = rows.replacen("\"Oak bowl\"", "null", 1),
            400,
            "tables/product.jsonl, line ",
        ),
        (
            "stock",
            |rows| *rows = rows.replacen("\"received\":40", "\"received\":41", 1),
            400,
            "it does not keep a check of the schema",
        ),
        (
            "shop_order",
            |rows| {
                *rows = rows
                    .lines()
                    .skip(1)
                    .map(|line| format!("{line}\n"))
                    .collect();
            },
            400,
            "tables/order_line.jsonl, line 1: it does not fit a foreign key",
        ),
        (
            "product",
            |rows| *rows = rows.replacen("\"Oak bowl\"", "7", 1),
            409,
            "table product has a value in column title that is no text",
        ),
        (
            "shop",
            String::clear,
            400,
            "tables/shop.jsonl: it has 0 rows, not 1",
        ),
        (
            "shop",
            |rows| *rows = rows.replacen("\"EUR\"", "\"shells\"", 1),
            400,
            "tables: column shop.currency holds something unreadable",
        ),
    ];
    let archive = refused(&platform, &cases).await;
    let operator = platform.operator();
    // Negative control: the same, without damage.
    let whole = damaged(&archive, "shop", |rows| {
        *rows = rows.replacen("Acme", "East", 1);
    });
    for file in [&archive, &whole] {
        let slug = format!("slug=west-{}", file.len());
        import(&operator, &slug, file).await.expect_status(201);
        replace(&operator, "acme", "acme", file)
            .await
            .expect_status(200);
        offboard(&operator, "acme").await.expect_status(202);
    }
}

/// An archive is for any cell, so what SQLite keeps and Postgres does not goes to neither.
async fn rows_that_one_database_refuses_make_nothing_and_replace_nothing(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    shop_that_sells(&platform).await;
    // Nor does a shop write them by itself.
    let (operator, long) = (platform.operator(), incompressible(4_000));
    for (handle, product) in [
        (&*long, json!({"title": "Hat"})),
        ("hat", json!({"title": "Hat", "tags": [long]})),
        ("hat", json!({"title": "Hat", "type": long})),
        ("hat", json!({"title": "Hat", "collections": [long]})),
    ] {
        let path = format!("/v1/tenants/acme/products/{handle}");
        let put = operator.send(Method::PUT, &path, product.to_string()).await;
        put.expect_error(400, "invalid_request");
    }
    let csv = format!("Handle,Title,Tags\n{long},Hat,one\nhat,Hat,{long}\n");
    let report = platform.import("acme", &csv).await;
    assert_eq!(
        (&report["created"], &report["rejected_count"]),
        (&json!(0), &json!(2)),
        "{report}"
    );
    let cases: [Case; 3] = [
        (
            "product",
            |rows| {
                let handle = format!("\"handle\":\"{}\"", incompressible(4_000));
                *rows = rows.replacen("\"handle\":\"bowl\"", &handle, 1);
            },
            409,
            "of the archive's table product has a value in column handle that is no text short enough for an index",
        ),
        (
            "checkout_key",
            |rows| {
                let key = format!("\"key\":\"{}", incompressible(2_000));
                *rows = rows.replacen("\"key\":\"", &key, 1);
            },
            409,
            "line 1 of the archive's table checkout_key has a value in column key that is no text short enough",
        ),
        (
            "product",
            |rows| *rows = rows.replacen("\"Oak bowl\"", "\"Oak\\u0000bowl\"", 1),
            409,
            "table product has a value in column title that is no text without a zero byte",
        ),
    ];
    refused(&platform, &cases).await;
}

/// Nothing is made of these archives of a shop that leaves, and nothing in it is changed by them. Returns the one that
/// was not damaged.
async fn refused(platform: &Platform, cases: &[Case]) -> String {
    let operator = platform.operator();
    let leaving = offboard(&operator, "acme").await.expect_status(202);
    assert!(leaving["purge_after"].is_i64());
    let before = rows(platform, "acme").await;
    let archive = archive_of(platform, "acme").await;
    for &(table, damage, status, expect) in cases {
        let file = damaged(&archive, table, damage);
        let code = match status {
            400 => "archive_invalid",
            _ => "archive_mismatch",
        };
        let posted = import(&operator, "slug=west", &file).await;
        let put = replace(&operator, "acme", "acme", &file).await;
        for answer in [posted, put] {
            let message = answer.expect_error(status, code);
            assert!(message.contains(expect), "{message}");
        }
        let shop = operator.get("/v1/tenants/acme").await.expect_status(200);
        assert_eq!(
            (&shop["lifecycle"], &shop["epoch"], &shop["purge_after"]),
            (
                &leaving["lifecycle"],
                &leaving["epoch"],
                &leaving["purge_after"]
            ),
            "it leaves as it did"
        );
    }
    check_equal(&rows(platform, "acme").await, &before);
    assert_eq!(tenants(&operator).await.len(), 1);
    assert_eq!(waiting(&platform.data()), [""; 0]);
    archive
}

async fn a_file_that_is_no_whole_archive_makes_nothing_and_replaces_nothing(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    shop_that_sells(&platform).await;
    let operator = platform.operator();
    let suspend = json!({"lifecycle": "suspended"});
    let suspended = operator.patch("/v1/tenants/acme", suspend).await;
    suspended.expect_status(200);
    let before = rows(&platform, "acme").await;
    let archive = archive_of(&platform, "acme").await;
    let foreign = tar("letter.txt", "hello");
    assert!(entries(&foreign).contains_key("letter.txt"), "it is a tar");
    let bad = [
        String::new(),
        "Handle,Title\nlamp,Lamp\n".to_owned(),
        archive[..archive.len() / 2].to_owned(),
        archive[..archive.len() - 512].to_owned(),
        archive.replacen("Brass", "Grass", 1),
        archive.replacen("\"basic\"", "\"other\"", 1),
        foreign,
        tar("manifest.json", "{}"),
    ];
    for file in bad {
        let start: String = file.chars().take(20).collect();
        assert_ne!(file, archive, "{start:?}");
        import(&operator, "slug=west&plan=basic", &file)
            .await
            .expect_error(400, "archive_invalid");
        replace(&operator, "acme", "acme", &file)
            .await
            .expect_error(400, "archive_invalid");
    }
    let shops = tenants(&operator).await;
    assert_eq!(
        (shops.len(), &shops[0]["lifecycle"]),
        (1, &json!("suspended"))
    );
    check_equal(&rows(&platform, "acme").await, &before);
    assert_eq!(waiting(&platform.data()), [""; 0]);
    // Negative control: the whole file.
    import(&operator, "slug=west", &archive)
        .await
        .expect_status(201);
}

async fn a_shop_gets_back_what_was_deleted_by_mistake(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    shop_that_sells(&platform).await;
    platform.make_shop("other").await;
    let (operator, visitor) = (platform.operator(), platform.visitor("acme.localhost"));
    let before = rows(&platform, "acme").await;
    let archive = archive_of(&platform, "acme").await;
    let others = archive_of(&platform, "other").await;
    let delete = async || {
        let path = "/v1/tenants/acme/products/lamp";
        let deleted = operator.send(Method::DELETE, path, String::new()).await;
        assert_eq!(deleted.status, 204, "{}", deleted.body);
    };
    delete().await;
    assert_eq!(visitor.get("/products/lamp").await.status, 404);
    replace(&operator, "acme", "acme", &archive)
        .await
        .expect_error(409, "transition_rejected");

    let suspend = json!({"lifecycle": "suspended"});
    let suspended = operator.patch("/v1/tenants/acme", suspend).await;
    suspended.expect_status(200);
    let message = replace(&operator, "acme", "other", &archive)
        .await
        .expect_error(400, "invalid_request");
    assert!(message.contains("acme"), "{message}");
    let unconfirmed = operator.send(Method::PUT, "/v1/tenants/acme/archive", archive.clone());
    unconfirmed.await.expect_error(400, "invalid_request");
    let message = replace(&operator, "acme", "acme", &others)
        .await
        .expect_error(409, "archive_foreign");
    assert!(message.contains("tenant 2"), "{message}");
    let product = operator.get("/v1/tenants/acme/products/bowl").await;
    assert_eq!(product.status, 200, "nothing was deleted");

    let back = replace(&operator, "acme", "acme", &archive).await;
    let back = back.expect_status(200);
    assert_eq!(
        (&back["tenant_id"], &back["lifecycle"]),
        (&json!(1), &json!("active"))
    );
    assert_eq!(visitor.get("/products/lamp").await.status, 200);
    check_equal(&rows(&platform, "acme").await, &before);

    // One that leaves is kept by it.
    delete().await;
    offboard(&operator, "acme").await.expect_status(202);
    let back = replace(&operator, "acme", "acme", &archive).await;
    assert_eq!(back.expect_status(200)["lifecycle"], "active");
    check_equal(&rows(&platform, "acme").await, &before);
    conserved(&operator, "acme").await;
    // Its payments are its own: what was paid before can be given back.
    let paid = operator.get("/v1/tenants/acme/orders?state=paid").await;
    let paid = paid.expect_status(200)["orders"][0]["order_id"].clone();
    let path = format!("/v1/tenants/acme/orders/{}/refund", paid.as_str().unwrap());
    let refund = operator.post(&path, "{}".to_owned()).await;
    assert_eq!(refund.expect_status(200)["state"], "done");
    assert_eq!(waiting(&platform.data()), [""; 0]);
}
