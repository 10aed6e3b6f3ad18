//! Products that an operator puts, shows and removes one by one.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    http::Answer,
    platform::{Kind, Platform, each_kind},
};

each_kind!(
    a_product_is_made_changed_listed_and_removed,
    what_is_shown_is_what_a_file_said_and_putting_it_changes_nothing,
    a_product_that_a_file_could_not_have_is_refused_and_named,
    products_of_a_suspended_shop_are_shown_and_not_changed,
);

const LAMP: &str = "/v1/tenants/acme/products/lamp";

const FILE: &str = "\
Handle,Title,Body (HTML),Vendor,Product Category,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Grams,Variant Inventory Qty,Variant Inventory Policy,Variant Price,Variant Compare At Price,Variant Barcode,Image Src,Image Alt Text,SEO Title,SEO Description,Variant Image,Status,Collection
lamp,Lamp,<p>Bright</p>,Nord,Home > Lamps,Light,\"warm, new\",true,Size,S,L-1,120,4,deny,12.50,15,4006381333931,https://img.example/1.jpg,A lamp,A lamp indeed,Buy it,https://img.example/2.jpg,active,Bright Things
lamp,,,,,,,,,L,L-2,240,,continue,20,,,,,,,,,
";

async fn put(platform: &Platform, path: &str, product: &Value) -> Answer {
    let operator = platform.operator();
    operator.send(Method::PUT, path, product.to_string()).await
}

fn ids(product: &Value) -> Vec<String> {
    let variants = product["product"]["variants"].as_array().unwrap();
    let id = |variant: &Value| variant["variant_id"].as_str().unwrap().to_owned();
    variants.iter().map(id).collect()
}

async fn what_is_shown_is_what_a_file_said_and_putting_it_changes_nothing(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    assert_eq!(platform.import("acme", FILE).await["created"], 1);
    let shown = platform.operator().get(LAMP).await.expect_status(200);
    let product = &shown["product"];
    assert_eq!(product["tags"], json!(["warm", "new"]));
    assert_eq!(product["collections"], json!(["Bright Things"]));
    assert_eq!(product["variants"][0]["compare_at_minor"], 1500);
    assert_eq!(product["variants"][1]["quantity"], json!(null));
    assert_eq!(product["variants"][1]["policy"], "continue");

    let again = put(&platform, LAMP, product).await.expect_status(200);
    assert_eq!(again, shown);
    // To the last byte: an import finds the hash that it left itself.
    assert_eq!(platform.import("acme", FILE).await["unchanged"], 1);
}

async fn a_product_is_made_changed_listed_and_removed(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    let (operator, visitor) = (platform.operator(), platform.visitor("acme.localhost"));
    let mut product = json!({
        "title": "Lamp", "options": ["Size"],
        "body_html": "<p onclick=\"x()\">Bright<script>alert(1)</script></p>",
        "variants": [{"options": ["S"], "price_minor": 1250}, {"options": ["L"], "price_minor": 2000}],
    });
    let made = put(&platform, LAMP, &product).await.expect_status(201);
    assert_eq!(made["product"]["body_html"], "<p>Bright</p>");
    let page = visitor.get("/products/lamp").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("Bright") && !page.body.contains("alert(1)"));

    product["variants"][1]["price_minor"] = json!(1900);
    product["title"] = json!("Great lamp");
    let changed = put(&platform, LAMP, &product).await.expect_status(200);
    assert_eq!(ids(&changed), ids(&made), "carts and orders refer to them");
    let told = visitor.get("/api/products/lamp").await.expect_status(200);
    assert_eq!(told["variants"][1]["price_minor"], 1900);

    product["published"] = json!(false);
    put(&platform, LAMP, &product).await.expect_status(200);
    assert_eq!(visitor.get("/api/products/lamp").await.status, 404);
    put(
        &platform,
        "/v1/tenants/acme/products/bowl",
        &json!({"title": "Bowl"}),
    )
    .await
    .expect_status(201);
    let path = "/v1/tenants/acme/products?limit=1";
    let first = operator.get(path).await.expect_status(200);
    assert_eq!(first["next"], "bowl");
    let path = format!("{path}00&after=bowl");
    let rest = operator.get(&path).await.expect_status(200);
    let line = &rest["products"][0];
    assert_eq!(
        (&line["handle"], &line["listed"]),
        (&json!("lamp"), &json!(false))
    );
    assert_eq!(rest["next"], json!(null));

    let removed = operator.send(Method::DELETE, LAMP, String::new()).await;
    assert_eq!(removed.status, 204);
    for method in [Method::DELETE, Method::GET] {
        let gone = operator.send(method, LAMP, String::new()).await;
        gone.expect_error(404, "not_found");
    }
}

async fn a_product_that_a_file_could_not_have_is_refused_and_named(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    let variant = |value: &str| json!({"options": [value], "price_minor": 1});
    let cases = [
        (json!({"title": " "}), "title: a product needs a title"),
        (
            json!({"title": "x".repeat(256)}),
            "title: the text is longer than 255 characters",
        ),
        (
            json!({"title": "a", "colour": "red"}),
            "unknown field `colour`",
        ),
        (
            json!({"title": "a", "variants": [{"price_minor": -1}]}),
            "variants[0].price_minor: a price is not negative",
        ),
        (
            json!({"title": "a", "variants": [{"price_minor": 1, "quantity": 2_147_483_648_u32}]}),
            "variants[0].quantity: it is at most 2147483647",
        ),
        (
            json!({"title": "a", "variants": [{"price_minor": 1.5}]}),
            "invalid type: floating point",
        ),
        (
            json!({"title": "a", "options": ["Size"], "variants": [variant("S"), variant("S")]}),
            "variants[1].options: another variant has the same option values",
        ),
        (
            json!({"title": "a", "variants": [variant("S")]}),
            "variants[0].options: 1 values for 0 options",
        ),
        (
            json!({"title": "a", "images": [{"src": "javascript:alert(1)"}]}),
            "images[0]: \"javascript:alert(1)\" is not an address",
        ),
        (
            json!({"title": "a", "body_html": "<b>".repeat(3_000)}),
            "body_html: the description has too much markup",
        ),
        (
            json!({"title": "a", "status": "gone"}),
            "unknown variant `gone`",
        ),
    ];
    for (product, expect) in cases {
        let refused = put(&platform, LAMP, &product).await;
        let message = refused.expect_error(400, "invalid_request");
        assert!(message.contains(expect), "{message}");
    }
    let fine = json!({"title": "a"});
    for (handle, expect) in [
        ("Lamp", "handle: it is written \"lamp\""),
        ("l%C3%A4mp", "handle: "),
    ] {
        let refused = put(
            &platform,
            &format!("/v1/tenants/acme/products/{handle}"),
            &fine,
        )
        .await;
        let message = refused.expect_error(400, "invalid_request");
        assert!(message.starts_with(expect), "{message}");
    }
    let list = platform.operator().get("/v1/tenants/acme/products").await;
    assert_eq!(list.expect_status(200)["products"], json!([]));
}

async fn products_of_a_suspended_shop_are_shown_and_not_changed(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    put(&platform, LAMP, &json!({"title": "Lamp"}))
        .await
        .expect_status(201);
    let operator = platform.operator();
    let suspend = json!({"lifecycle": "suspended"});
    operator
        .patch("/v1/tenants/acme", suspend)
        .await
        .expect_status(200);
    put(&platform, LAMP, &json!({"title": "Other"}))
        .await
        .expect_error(403, "tenant_suspended");
    let shown = operator.get(LAMP).await.expect_status(200);
    assert_eq!(shown["product"]["title"], "Lamp");
}
