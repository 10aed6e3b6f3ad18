//! What visitors and their programs rely on when they buy.

use futures_util::future::join_all;
use serde_json::json;

use super::{
    http::{Answer, Client},
    platform::{Kind, Platform, each_kind},
};
use crate::shop_visitor::{FORM, checkout_fields, encoded};

each_kind!(a_cart_becomes_an_order, fifty_buyers_get_the_last_ten,);

/// Mugs at 12.50, so many in stock.
pub(crate) fn mugs(stock: u32) -> String {
    let head = "Handle,Title,Variant Price,Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy";
    format!("{head}\nmug,Mug,12.50,shopify,{stock},deny\n")
}

/// A variant of the shop that this client visits.
pub(crate) async fn a_variant(visitor: &Client) -> String {
    let listed = visitor.get("/api/products/mug").await.expect_status(200);
    listed["variants"][0]["variant_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

pub(crate) async fn send_form(visitor: &Client, path: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    visitor
        .clone()
        .header("content-type", FORM)
        .post(path, encoded(&fields))
        .await
}

/// Puts a variant into a cart; the visitor with its cookie.
pub(crate) async fn with_cart(visitor: &Client, variant: &str, quantity: &str) -> Client {
    let fields = [("variant_id", variant), ("quantity", quantity)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = send_form(visitor, "/cart/items", &fields).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/cart")),
        "{}",
        answer.body
    );
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    visitor
        .clone()
        .header("cookie", cookie.split(';').next().unwrap())
}

pub(crate) async fn buy(program: &Client, key: &str, body: &serde_json::Value) -> Answer {
    let program = program.clone().header("content-type", "application/json");
    program
        .header("idempotency-key", key)
        .post("/api/checkout", body.to_string())
        .await
}

async fn a_cart_becomes_an_order(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    platform.import("acme", &mugs(10)).await;
    let stranger = platform.visitor("acme.localhost");
    let mug = a_variant(&stranger).await;
    let visitor = with_cart(&stranger, &mug, "3").await;
    let cart = visitor.get("/cart").await;
    assert_eq!(
        (cart.status, cart.header("cache-control")),
        (200, Some("private, no-store"))
    );
    let form = checkout_fields(&cart.body);

    let evil = visitor.clone().header("origin", "http://evil.localhost");
    send_form(&evil, "/checkout", &form)
        .await
        .expect_error(403, "csrf_rejected");
    let suspended = json!({"lifecycle": "suspended"});
    platform
        .operator()
        .patch("/v1/tenants/acme", suspended)
        .await
        .expect_status(200);
    send_form(&visitor, "/checkout", &form)
        .await
        .expect_error(403, "tenant_suspended");
    let active = json!({"lifecycle": "active"});
    platform
        .operator()
        .patch("/v1/tenants/acme", active)
        .await
        .expect_status(200);

    let own = visitor.clone().header("origin", "http://acme.localhost");
    let bought = send_form(&own, "/checkout", &form).await;
    assert_eq!(bought.status, 303, "{}", bought.body);
    let path = bought.header("location").unwrap();
    let page = stranger.get(path).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Thank you for your order") && page.body.contains("€37.50"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let order = stranger
        .get(&format!("/api{path}"))
        .await
        .expect_status(200);
    assert_eq!(
        (&order["state"], &order["total_minor"]),
        (&json!("paid"), &json!(3_750))
    );
    assert!(
        visitor
            .get("/cart")
            .await
            .body
            .contains("Nothing in it yet")
    );
}

async fn fifty_buyers_get_the_last_ten(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    // A small plan lets in fewer than fifty at one time.
    let large = json!({"slug": "acme", "plan": "enterprise", "domains": []});
    platform.make_shop_from(large).await.expect_status(201);
    platform.import("acme", &mugs(10)).await;
    let program = platform.visitor("acme.localhost");
    let mug = a_variant(&program).await;
    let buyer = async |number: usize| {
        let items = json!([{"variant_id": mug, "quantity": 1}]);
        let body = json!({"items": items, "email": "ann@example.com", "payment_token": "test"});
        buy(&program, &format!("buyer-{number}"), &body).await
    };
    let mut placed = 0;
    for answer in join_all((0..50).map(&buyer)).await {
        match answer.status {
            201 => placed += 1,
            _ => {
                let refused = answer.json();
                answer.expect_error(409, "out_of_stock");
                let items = json!([{"variant_id": mug, "requested": 1, "available": 0}]);
                assert_eq!(refused["error"]["items"], items);
            }
        }
    }
    assert_eq!(placed, 10);
    let product = program.get("/api/products/mug").await.expect_status(200);
    assert_eq!(product["variants"][0]["available"], false);
    assert!(program.get("/products/mug").await.body.contains("Sold out"));
}
