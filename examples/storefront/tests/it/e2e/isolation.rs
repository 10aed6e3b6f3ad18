//! Two look-alike shops in one cell: through no route or API does one show a thing of the other.

use serde_json::{Value, json};

use super::{
    buying::{buy, send_form, with_cart},
    http::Client,
    platform::{Folder, Kind, Platform, Start, each_kind},
};
use crate::shop_visitor::checkout_fields;

each_kind!(
    no_route_shows_a_thing_of_the_other_shop,
    the_same_requests_show_those_things_in_the_shop_they_belong_to,
    what_an_operator_asks_of_one_shop_says_nothing_of_the_other,
    a_header_or_parameter_never_chooses_the_tenant,
    nothing_that_a_buyer_holds_works_at_the_other_shop,
);

/// The same handles, titles, tags and prices in both shops; only the marks differ.
fn products(mark: &str) -> String {
    let mut csv = "Handle,Title,Body (HTML),Vendor,Type,Tags,Collection,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src\n".to_owned();
    for number in 1..=5 {
        csv += &format!(
            "mug-{number},Mug {number} {mark},<p>Body {mark}</p>,Vendor {mark},Cups,\"tea,{mark}\",Kitchen,Size,Large,SKU-{mark}-{number},12.50,/demo/{mark}/mug.svg\n"
        );
    }
    csv += &format!("only-{mark},Only {mark},,Vendor {mark},Cups,,Secret {mark},,,,1,\n");
    csv
}

pub(super) async fn two_shops(kind: Kind) -> Platform {
    let start = Start {
        folder: Folder::of(kind).await,
        arguments: match kind {
            Kind::Sqlite => &["--no-demo", "--cells", "1"],
            Kind::Postgres => &["--no-demo"],
        },
    };
    let platform = Platform::start(start);
    for (slug, mark) in [("left", "leftmark"), ("right", "rightmark")] {
        platform.make_shop(slug).await;
        let report = platform.import(slug, &products(mark)).await;
        assert_eq!(report["created"], 6, "{report}");
    }
    platform
}

/// Every address of a shop, with what both shops have and what only the other has.
fn addresses(other: &str, products: &Value) -> Vec<String> {
    let mut paths = vec![
        "/".to_owned(),
        "/api/products?limit=100".to_owned(),
        "/search?q=".to_owned(),
    ];
    for handle in ["mug-1", "mug-5", &format!("only-{other}")] {
        paths.push(format!("/products/{handle}"));
        paths.push(format!("/api/products/{handle}"));
    }
    for variant in variants(products) {
        paths.push(format!("/products/mug-1?variant={variant}"));
    }
    for collection in ["kitchen", "cups", &format!("secret-{other}")] {
        paths.push(format!("/collections/{collection}"));
    }
    for query in [
        "mug",
        "cups",
        "tea",
        other,
        &format!("vendor {other}"),
        &format!("sku-{other}-1"),
    ] {
        let query = query.replace(' ', "+");
        paths.push(format!("/search?q={query}"));
        paths.push(format!("/api/search?q={query}"));
        paths.push(format!("/api/search?q=&tag={query}"));
        paths.push(format!("/api/search?q=&vendor={query}"));
    }
    paths
}

fn variants(products: &Value) -> Vec<&str> {
    let products = products["products"].as_array().unwrap();
    let variants = products
        .iter()
        .flat_map(|product| product["variants"].as_array().unwrap());
    variants
        .map(|variant| variant["variant_id"].as_str().unwrap())
        .collect()
}

/// What of the other shop stands in an answer. A path may carry the mark itself, and a page shows what was
/// asked for; then only things that the path did not say count.
fn leaked(body: &str, path: &str, mark: &str) -> Option<String> {
    if !path.contains(mark) {
        return body.contains(mark).then(|| mark.to_owned());
    }
    let mut things: Vec<String> = ["Vendor", "Only", "Body", "Secret"]
        .map(|what| format!("{what} {mark}"))
        .into();
    things.extend((1..=5).flat_map(|n| [format!("Mug {n} {mark}"), format!("SKU-{mark}-{n}")]));
    things.push(format!("/demo/{mark}/"));
    things.push(format!("\"value\":\"{mark}\""));
    things.into_iter().find(|thing| body.contains(thing))
}

async fn no_route_shows_a_thing_of_the_other_shop(kind: Kind) {
    let platform = two_shops(kind).await;
    let clients: [Client; 2] =
        ["left.localhost", "right.localhost"].map(|host| platform.visitor(host));
    let marks = ["leftmark", "rightmark"];
    let mut listed = Vec::new();
    for client in &clients {
        listed.push(
            client
                .get("/api/products?limit=100")
                .await
                .expect_status(200),
        );
    }
    for own in [0, 1] {
        let other = 1 - own;
        let mut own_seen = 0;
        for path in addresses(marks[other], &listed[other]) {
            let answer = clients[own].get(&path).await;
            assert!(
                matches!(answer.status, 200 | 400 | 404),
                "{path}: {} {}",
                answer.status,
                answer.body
            );
            let leaked = leaked(&answer.body, &path, marks[other]);
            assert_eq!(leaked, None, "{} sees {path}: {}", marks[own], answer.body);
            own_seen += usize::from(answer.body.contains(marks[own]));
        }
        assert!(
            own_seen >= 10,
            "the shop's own things are there, so there was something to leak"
        );
        let shared: Vec<_> = variants(&listed[own])
            .into_iter()
            .filter(|id| variants(&listed[other]).contains(id))
            .collect();
        assert_eq!(
            shared,
            Vec::<&str>::new(),
            "no id means something in both shops"
        );
    }
}

/// The negative control: the same requests do show those things where they belong, so the test above would
/// have seen a leak.
async fn the_same_requests_show_those_things_in_the_shop_they_belong_to(kind: Kind) {
    let platform = two_shops(kind).await;
    let client = platform.visitor("right.localhost");
    let listed = client
        .get("/api/products?limit=100")
        .await
        .expect_status(200);
    let mut seen = 0;
    for path in addresses("rightmark", &listed) {
        seen += usize::from(client.get(&path).await.body.contains("rightmark"));
    }
    assert!(seen >= 20, "{seen}");
}

async fn what_an_operator_asks_of_one_shop_says_nothing_of_the_other(kind: Kind) {
    let platform = two_shops(kind).await;
    let operator = platform.operator();
    let shop = operator.get("/v1/tenants/left").await;
    assert!(
        shop.body.contains("left.localhost") && !shop.body.contains("right"),
        "{}",
        shop.body
    );
    let report = operator
        .post("/v1/tenants/left/import", products("leftmark"))
        .await;
    assert_eq!(report.expect_status(200)["unchanged"], 6);
    assert!(!report.body.contains("rightmark"), "{}", report.body);
    let taken = json!({"slug": "right", "plan": "basic", "domains": []});
    let refused = platform
        .make_shop_from(taken)
        .await
        .expect_error(409, "slug_taken");
    assert_eq!(refused, "the slug right is taken");
}

async fn a_header_or_parameter_never_chooses_the_tenant(kind: Kind) {
    let platform = two_shops(kind).await;
    for name in [
        "x-forwarded-host",
        "forwarded",
        "x-tenant-id",
        "x-tenant",
        "tenant",
        "x-original-host",
        "x-host",
    ] {
        let value = if name == "forwarded" {
            "host=right.localhost"
        } else {
            "right.localhost"
        };
        let answer = platform
            .visitor("left.localhost")
            .header(name, value)
            .get("/api/products")
            .await;
        assert!(
            answer.body.contains("leftmark") && !answer.body.contains("rightmark"),
            "{name}"
        );
    }
    let answer = platform
        .visitor("left.localhost")
        .get("/api/products?tenant=2&tenant_id=2&host=right.localhost")
        .await;
    assert!(!answer.body.contains("rightmark"), "{}", answer.body);
}

/// Carts, orders, tokens of forms and keys: what one shop gave a visitor is nothing to the other.
async fn nothing_that_a_buyer_holds_works_at_the_other_shop(kind: Kind) {
    let platform = two_shops(kind).await;
    let [left, right] = ["left.localhost", "right.localhost"].map(|host| platform.visitor(host));
    let listed = left.get("/api/products?limit=100").await.expect_status(200);
    let mug = variants(&listed)[0];
    let body = |variant: &str| {
        let items = json!([{"variant_id": variant, "quantity": 1}]);
        json!({"items": items, "email": "ann@example.com", "payment_token": "test"})
    };
    let placed = buy(&left, "one-key", &body(mug)).await.expect_status(201);
    let token = placed["order_token"].as_str().unwrap();
    let buyer = with_cart(&left, mug, "2").await;
    let cart = buyer.get("/cart").await.body;
    let form = checkout_fields(&cart);
    let cookie = buyer.header_value("cookie").to_owned();
    let elsewhere = right.clone().header("cookie", &cookie);

    // The control: here they work.
    assert!(cart.contains("leftmark"), "{cart}");
    for path in [format!("/orders/{token}"), format!("/api/orders/{token}")] {
        assert!(left.get(&path).await.body.contains("leftmark"), "{path}");
        let there = elsewhere.get(&path).await;
        there.expect_error(404, "not_found");
        assert!(!there.body.contains("leftmark"), "{path}: {}", there.body);
    }
    let empty = elsewhere.get("/cart").await;
    assert!(empty.body.contains("Nothing in it yet") && !empty.body.contains("leftmark"));
    send_form(&elsewhere, "/checkout", &form)
        .await
        .expect_error(403, "csrf_rejected");
    // Another shop's variant is unknown, and another shop's key has no answer here.
    let foreign = buy(&elsewhere, "one-key", &body(mug)).await;
    foreign.expect_error(404, "unknown_variant");
    let other = right
        .get("/api/products?limit=100")
        .await
        .expect_status(200);
    let own = buy(&right, "another-key", &body(variants(&other)[0]))
        .await
        .expect_status(201);
    assert_ne!(own["order_token"], placed["order_token"]);
    assert_eq!(send_form(&buyer, "/checkout", &form).await.status, 303);
}
