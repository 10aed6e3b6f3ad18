//! What operators see of stock, and do to it.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use super::{
    http::Answer,
    platform::{Kind, Platform, Start, each_kind},
};

each_kind!(
    stock_is_listed_changed_and_told,
    visitors_see_at_once_what_has_run_out_and_what_came_in,
    a_key_changes_stock_once_also_when_its_answer_was_lost,
    a_wrong_change_is_refused_and_named,
);

const FILE: &str = "\
Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,Variant Price
lamp,Lamp,Size,S,L-1,4,12
lamp,,,L,L-2,0,20
book,Book,,,,,5
";

/// A platform with a shop that counts two of its three variants, and their numbers.
async fn with_stock(kind: Kind) -> (Platform, String, String) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    platform.import("acme", FILE).await;
    let [small, large] = numbers(&platform).await.try_into().unwrap();
    (platform, small, large)
}

/// The numbers of the variants that are counted, in the order of their options: S before L.
async fn numbers(platform: &Platform) -> Vec<String> {
    let path = "/v1/tenants/acme/products/lamp";
    let shown = platform.operator().get(path).await.expect_status(200);
    let variants = shown["product"]["variants"].as_array().unwrap();
    let id = |variant: &Value| variant["variant_id"].as_str().unwrap().to_owned();
    variants.iter().map(id).collect()
}

async fn change(platform: &Platform, variant: &str, change: Value) -> Answer {
    let path = format!("/v1/tenants/acme/stock/{variant}");
    platform.operator().post(&path, change.to_string()).await
}

async fn stock_is_listed_changed_and_told(kind: Kind) {
    let (platform, small, large) = with_stock(kind).await;
    let operator = platform.operator();
    let stock = operator
        .get("/v1/tenants/acme/stock")
        .await
        .expect_status(200);
    assert_eq!(
        stock["stock"].as_array().unwrap().len(),
        2,
        "the book is not counted"
    );
    let first = &stock["stock"][0];
    assert_eq!(
        (&first["handle"], &first["options"]),
        (&json!("lamp"), &json!("S"))
    );
    assert_eq!(
        (&first["on_hand"], &first["received"]),
        (&json!(4), &json!(4))
    );

    let received = change(&platform, &small, json!({"received": 6, "note": "a box"})).await;
    assert_eq!(received.expect_status(200)["on_hand"], 10);
    let adjusted = change(&platform, &small, json!({"adjust": -3})).await;
    assert_eq!(adjusted.expect_status(200)["on_hand"], 7);
    let counted = change(&platform, &small, json!({"count": 5, "reorder_at": 5})).await;
    let counted = counted.expect_status(200);
    assert_eq!(
        (&counted["on_hand"], &counted["received"]),
        (&json!(5), &json!(5))
    );
    change(&platform, &small, json!({"adjust": -6}))
        .await
        .expect_error(409, "not_enough_stock");

    let path = format!("/v1/tenants/acme/stock/{small}/events");
    let events = operator.get(&path).await.expect_status(200);
    let told = events["events"].as_array().unwrap().iter();
    let told = told.map(|event| {
        (
            event["kind"].as_str().unwrap(),
            event["quantity"].as_i64().unwrap(),
        )
    });
    let expect = [
        ("received", 4),
        ("received", 6),
        ("adjusted", -3),
        ("adjusted", -2),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expect);
    assert_eq!(events["events"][1]["note"], "a box");
    let page = operator
        .get(&format!("{path}?after=1&limit=2"))
        .await
        .expect_status(200);
    assert_eq!(
        (&page["events"][0]["seq"], &page["next"]),
        (&json!(2), &json!(3))
    );

    let low = operator
        .get("/v1/tenants/acme/stock?low=true")
        .await
        .expect_status(200);
    assert_eq!(low["stock"].as_array().unwrap().len(), 2, "{low}");
    change(&platform, &small, json!({"reorder_at": null}))
        .await
        .expect_status(200);
    let low = operator
        .get("/v1/tenants/acme/stock?low=true")
        .await
        .expect_status(200);
    assert_eq!(low["stock"][0]["variant_id"], large.as_str(), "{low}");
    assert_eq!(low["stock"].as_array().unwrap().len(), 1, "{low}");
    let check = operator.get("/v1/tenants/acme/stock/check").await;
    assert_eq!(check.expect_status(200)["differences"], json!([]));
}

async fn visitors_see_at_once_what_has_run_out_and_what_came_in(kind: Kind) {
    let (platform, _, large) = with_stock(kind).await;
    let available = async || {
        let visitor = platform.visitor("acme.localhost");
        let shown = visitor.get("/api/products/lamp").await.expect_status(200);
        shown["variants"][1]["available"].clone()
    };
    assert_eq!(available().await, false);
    change(&platform, &large, json!({"received": 1}))
        .await
        .expect_status(200);
    assert_eq!(available().await, true);
    change(&platform, &large, json!({"count": 0}))
        .await
        .expect_status(200);
    assert_eq!(available().await, false);
}

async fn a_key_changes_stock_once_also_when_its_answer_was_lost(kind: Kind) {
    let (platform, small, _) = with_stock(kind).await;
    let path = format!("/v1/tenants/acme/stock/{small}");
    let body = json!({"received": 6}).to_string();
    let operator = platform.operator().header("idempotency-key", "delivery-1");
    let first = operator.post(&path, body.clone()).await.expect_status(200);
    assert_eq!(
        operator.post(&path, body.clone()).await.expect_status(200),
        first
    );
    let other = json!({"received": 7}).to_string();
    let mismatch = operator.post(&path, other.clone()).await;
    mismatch.expect_error(422, "idempotency_mismatch");

    // As if the process had died after the change and before its answer was recorded.
    let (_, folder) = platform.stop("-KILL");
    for file in ["control.db", "control.db-wal", "control.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(file));
    }
    let arguments = &["--no-demo"];
    let platform = Platform::start(Start { folder, arguments });
    let operator = platform.operator().header("idempotency-key", "delivery-1");
    let mismatch = operator.post(&path, other).await;
    mismatch.expect_error(422, "idempotency_mismatch");
    let (_, folder) = platform.stop("-KILL");
    for file in ["control.db", "control.db-wal", "control.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join(file));
    }
    let platform = Platform::start(Start { folder, arguments });
    let operator = platform.operator().header("idempotency-key", "delivery-1");
    assert_eq!(operator.post(&path, body).await.expect_status(200), first);
    let check = operator.get("/v1/tenants/acme/stock/check").await;
    assert_eq!(check.expect_status(200)["differences"], json!([]));
}

/// How often somebody was told that more should be ordered.
async fn alerts(platform: &Platform) -> u32 {
    let metrics = platform.metrics().await;
    let lines = metrics.lines();
    let told = lines.filter_map(|line| line.strip_prefix("storefront_reorder_alerts_total "));
    let told: Vec<u32> = told.map(|count| count.parse().unwrap()).collect();
    assert!(!told.is_empty(), "it is told from the start");
    told.iter().sum()
}

#[tokio::test]
async fn somebody_is_told_when_a_product_or_a_file_states_that_little_is_left() {
    let (platform, small, _) = with_stock(Kind::Sqlite).await;
    let operator = platform.operator();
    change(&platform, &small, json!({"reorder_at": 3}))
        .await
        .expect_status(200);
    assert_eq!(alerts(&platform).await, 0);
    let path = "/v1/tenants/acme/products/lamp";
    let mut lamp = operator.get(path).await.expect_status(200)["product"].clone();
    lamp["variants"][0]["quantity"] = json!(3);
    let put = operator.send(Method::PUT, path, lamp.to_string());
    put.await.expect_status(200);
    assert_eq!(alerts(&platform).await, 1);
    let stating = |quantity: u32| FILE.replace("L-1,4,", &format!("L-1,{quantity},"));
    platform.import("acme", &stating(5)).await;
    assert_eq!(alerts(&platform).await, 1);
    let dry = operator.post("/v1/tenants/acme/import?dry_run=true", stating(2));
    assert_eq!(dry.await.expect_status(200)["updated"], 1);
    assert_eq!(alerts(&platform).await, 1, "nothing was changed");
    platform.import("acme", &stating(2)).await;
    assert_eq!(alerts(&platform).await, 2);
}

/// Goes behind the back of a platform, and starts it again.
async fn tampered(platform: Platform, statements: &[String]) -> Platform {
    let (_, folder) = platform.stop("-TERM");
    for statement in statements {
        assert_eq!(execute(folder.path(), statement).await, 1, "{statement}");
    }
    let arguments = &["--no-demo"];
    Platform::start(Start { folder, arguments })
}

/// Executes a statement in all cells, and counts the rows that it changes.
async fn execute(folder: &Path, statement: &str) -> u64 {
    let mut changed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with("cell-") && name.ends_with(".db") {
            let options = SqliteConnectOptions::new().filename(&path);
            let mut connection = options.connect().await.unwrap();
            let statement = sqlx::query(sqlx::AssertSqlSafe(statement.to_owned()));
            let done = statement.execute(&mut connection).await.unwrap();
            changed += done.rows_affected();
            connection.close().await.unwrap();
        }
    }
    changed
}

#[tokio::test]
async fn stock_is_rebuilt_from_what_happened_to_it() {
    let (platform, small, large) = with_stock(Kind::Sqlite).await;
    let platform = tampered(
        platform,
        &[
            format!("update stock set on_hand = 1, received = 1 where variant_id = {small}"),
            format!("update stock_event set quantity = -1 where variant_id = {large}"),
        ],
    )
    .await;
    let operator = platform.operator();
    let rebuild = "/v1/tenants/acme/stock/rebuild";
    let rebuilt = operator
        .post(rebuild, String::new())
        .await
        .expect_status(200);
    let corrected = &rebuilt["corrected"];
    assert_eq!(corrected.as_array().unwrap().len(), 1, "{rebuilt}");
    assert_eq!(corrected[0]["projected"]["variant_id"], small.as_str());
    assert_eq!(corrected[0]["projected"]["on_hand"], 1);
    assert_eq!(corrected[0]["logged"]["on_hand"], 4);
    let left = &rebuilt["left_alone"];
    assert_eq!(left.as_array().unwrap().len(), 1, "{rebuilt}");
    assert_eq!(left[0]["projected"]["variant_id"], large.as_str());
    assert_eq!(left[0]["logged"], Value::Null);
    let stock = operator.get("/v1/tenants/acme/stock").await;
    assert_eq!(stock.expect_status(200)["stock"][0]["on_hand"], 4);

    let again = operator
        .post(rebuild, String::new())
        .await
        .expect_status(200);
    assert_eq!(again["corrected"], json!([]));
    let audit = operator
        .get("/v1/audit?limit=1000")
        .await
        .expect_status(200);
    let entries = audit["entries"].as_array().unwrap().iter();
    let told: Vec<_> = entries
        .filter(|entry| entry["action"] == "POST /v1/tenants/{tenant}/stock/rebuild")
        .map(|entry| entry["detail"].as_str().unwrap())
        .collect();
    assert_eq!(
        told,
        ["corrected=1 left_alone=1", "corrected=0 left_alone=1"]
    );
    let nobody = operator.post("/v1/tenants/nobody/stock/rebuild", String::new());
    nobody.await.expect_error(404, "not_found");
}

async fn a_wrong_change_is_refused_and_named(kind: Kind) {
    let (platform, small, _) = with_stock(kind).await;
    let cases = [
        (json!({}), "say received, adjust, count or reorder_at"),
        (
            json!({"received": 1, "count": 2}),
            "say one of received, adjust and count",
        ),
        (
            json!({"received": 0}),
            "received is a number from 1 to 4294967295",
        ),
        (
            json!({"received": 4_294_967_296_i64}),
            "received is a number from 1",
        ),
        (
            json!({"adjust": -4_294_967_296_i64}),
            "adjust is a number from -4294967295",
        ),
        (json!({"count": -1}), "count is a number from 0"),
        (json!({"reorder_at": -1}), "reorder_at is a number from 0"),
        (json!({"count": 1.5}), "invalid type: floating point"),
        (
            json!({"count": 1, "note": "x".repeat(256)}),
            "note is one line of at most 255",
        ),
        (json!({"counted": 1}), "unknown field `counted`"),
    ];
    for (wrong, expect) in cases {
        let message = change(&platform, &small, wrong).await;
        let message = message.expect_error(400, "invalid_request");
        assert!(message.contains(expect), "{message}");
    }
    let fine = json!({"count": 1});
    change(&platform, "77", fine.clone())
        .await
        .expect_error(404, "not_found");
    change(&platform, "lamp", fine.clone())
        .await
        .expect_error(400, "invalid_request");
    platform.make_shop("other").await;
    let path = format!("/v1/tenants/other/stock/{small}");
    let foreign = platform.operator().post(&path, fine.to_string()).await;
    foreign.expect_error(404, "not_found");
    let events = platform.operator().get(&format!("{path}/events")).await;
    assert_eq!(events.expect_status(200)["events"], json!([]));
}
