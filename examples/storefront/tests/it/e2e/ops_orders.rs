//! What operators see of orders, and do about them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    http::{Answer, Client},
    platform::{Kind, Platform, each_kind},
};

each_kind!(
    orders_are_listed_shown_and_handed_over_once,
    money_is_given_back_once_for_a_key_and_never_more_than_was_paid,
    an_order_of_one_shop_is_nothing_at_another,
);

const FILE: &str = "\
Handle,Title,Variant Inventory Qty,Variant Price
lamp,Lamp,5,12
";

/// A platform with a shop that has five lamps, and the number of their variant.
async fn with_lamps(kind: Kind) -> (Platform, String) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    platform.import("acme", FILE).await;
    let path = "/v1/tenants/acme/products/lamp";
    let shown = platform.operator().get(path).await.expect_status(200);
    let variant = shown["product"]["variants"][0]["variant_id"].clone();
    (platform, variant.as_str().unwrap().to_owned())
}

/// Buys so many and returns the order's token.
async fn buy(platform: &Platform, variant: &str, quantity: i64) -> String {
    let body = json!({
        "items": [{"variant_id": variant, "quantity": quantity}],
        "email": "ada@buyer.example", "payment_token": "test",
    });
    let visitor = platform.visitor("acme.localhost");
    let visitor = visitor.header("content-type", "application/json");
    let placed = visitor.post("/api/checkout", body.to_string()).await;
    let placed = placed.expect_status(201);
    placed["order_token"].as_str().unwrap().to_owned()
}

async fn act(operator: &Client, order: &str, verb: &str, body: Value) -> Answer {
    let path = format!("/v1/tenants/acme/orders/{order}/{verb}");
    operator.post(&path, body.to_string()).await
}

/// `on_hand`, `reserved`, `allocated` and `sold` of the lamps.
async fn places(operator: &Client) -> [i64; 4] {
    let stock = operator
        .get("/v1/tenants/acme/stock")
        .await
        .expect_status(200);
    ["on_hand", "reserved", "allocated", "sold"]
        .map(|name| stock["stock"][0][name].as_i64().unwrap())
}

async fn orders_are_listed_shown_and_handed_over_once(kind: Kind) {
    let (platform, lamp) = with_lamps(kind).await;
    let operator = platform.operator();
    let tokens = [
        buy(&platform, &lamp, 2).await,
        buy(&platform, &lamp, 1).await,
    ];
    assert_eq!(places(&operator).await, [2, 0, 3, 0]);
    let first = operator
        .get("/v1/tenants/acme/orders?limit=1")
        .await
        .expect_status(200);
    assert_eq!(
        first["orders"][0]["token"],
        tokens[1].as_str(),
        "the last one is first"
    );
    let next = first["next"].as_str().unwrap();
    let rest = format!("/v1/tenants/acme/orders?after={next}");
    let rest = operator.get(&rest).await.expect_status(200);
    let order = &rest["orders"][0];
    assert_eq!(
        (rest["orders"].as_array().unwrap().len(), &rest["next"]),
        (1, &Value::Null)
    );
    assert_eq!(
        (&order["state"], &order["total_minor"]),
        (&json!("paid"), &json!(2400))
    );
    assert_eq!(
        (&order["email"], &order["currency"]),
        (&json!("ada@buyer.example"), &json!("EUR"))
    );
    assert_eq!(order["lines"][0]["from_stock"], 2);

    let id = order["order_id"].as_str().unwrap();
    let by_token = operator
        .get(&format!("/v1/tenants/acme/orders/{}", tokens[0]))
        .await;
    assert_eq!(&by_token.expect_status(200), order);
    let fulfilled = act(&operator, id, "fulfil", json!({}))
        .await
        .expect_status(200);
    assert_eq!(fulfilled["state"], "fulfilled");
    assert_eq!(
        act(&operator, id, "fulfil", json!({}))
            .await
            .expect_status(200),
        fulfilled
    );
    assert_eq!(places(&operator).await, [2, 0, 1, 2]);
    act(&operator, id, "cancel", json!({}))
        .await
        .expect_error(409, "order_state");

    let paid = operator
        .get("/v1/tenants/acme/orders?state=paid")
        .await
        .expect_status(200);
    assert_eq!(paid["orders"].as_array().unwrap().len(), 1);
    assert_eq!(paid["orders"][0]["token"], tokens[1].as_str());
    let wrong = operator.get("/v1/tenants/acme/orders?state=lost").await;
    wrong.expect_error(400, "invalid_request");
    for unknown in ["77", "no-such-token"] {
        let path = format!("/v1/tenants/acme/orders/{unknown}");
        operator.get(&path).await.expect_error(404, "not_found");
        act(&operator, unknown, "fulfil", json!({}))
            .await
            .expect_error(404, "not_found");
    }
}

async fn money_is_given_back_once_for_a_key_and_never_more_than_was_paid(kind: Kind) {
    let (platform, lamp) = with_lamps(kind).await;
    let order = buy(&platform, &lamp, 2).await;
    let operator = platform.operator().header("idempotency-key", "part");
    let part = json!({"amount_minor": 400, "reason": "a scratch"});
    let first = act(&operator, &order, "refund", part.clone())
        .await
        .expect_status(200);
    assert_eq!(
        (&first["amount_minor"], &first["state"]),
        (&json!(400), &json!("done"))
    );
    assert_eq!(
        act(&operator, &order, "refund", part)
            .await
            .expect_status(200),
        first
    );
    act(&operator, &order, "refund", json!({"amount_minor": 500}))
        .await
        .expect_error(422, "idempotency_mismatch");

    let operator = platform.operator();
    let keyed = |key: &str| platform.operator().header("idempotency-key", key);
    for (key, wrong) in [
        ("nothing", json!({"amount_minor": 0})),
        ("too-much", json!({"amount_minor": 2001})),
        ("misspelled", json!({"amount": 1})),
    ] {
        act(&keyed(key), &order, "refund", wrong)
            .await
            .expect_error(400, "invalid_request");
    }
    let path = format!("/v1/tenants/acme/orders/{order}/refund");
    let unkeyed = operator.send(Method::POST, &path, "{}".to_owned()).await;
    let message = unkeyed.expect_error(400, "invalid_request");
    assert!(message.contains("Idempotency-Key"), "{message}");
    let shown = operator
        .get(&format!("/v1/tenants/acme/orders/{order}"))
        .await;
    let shown = shown.expect_status(200);
    assert_eq!(
        (&shown["state"], &shown["refunded_minor"]),
        (&json!("paid"), &json!(400))
    );
    let rest = act(&keyed("rest"), &order, "refund", json!({}))
        .await
        .expect_status(200);
    assert_eq!(rest["amount_minor"], 2000);
    let shown = operator
        .get(&format!("/v1/tenants/acme/orders/{order}"))
        .await;
    assert_eq!(shown.expect_status(200)["state"], "refunded");
    assert_eq!(
        places(&operator).await,
        [5, 0, 0, 0],
        "the pieces are on hand again"
    );
    act(&keyed("more"), &order, "refund", json!({}))
        .await
        .expect_error(409, "order_state");
    let check = operator.get("/v1/tenants/acme/stock/check").await;
    assert_eq!(check.expect_status(200)["differences"], json!([]));
}

async fn an_order_of_one_shop_is_nothing_at_another(kind: Kind) {
    let (platform, lamp) = with_lamps(kind).await;
    let order = buy(&platform, &lamp, 1).await;
    platform.make_shop("other").await;
    let operator = platform.operator();
    let path = format!("/v1/tenants/other/orders/{order}");
    operator.get(&path).await.expect_error(404, "not_found");
    for verb in ["fulfil", "cancel", "refund"] {
        let operator = platform.operator().header("idempotency-key", verb);
        let answer = operator
            .post(&format!("{path}/{verb}"), "{}".to_owned())
            .await;
        answer.expect_error(404, "not_found");
    }
    let own = operator
        .get(&format!("/v1/tenants/acme/orders/{order}"))
        .await;
    assert_eq!(own.expect_status(200)["state"], "paid");
}
