//! Addresses, headers and refusals of a shop.

use axum::body::Body;
use http::{
    Method, Request, StatusCode,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};
use serde_json::{Value, json};
use storefront::import::Policy;
use tower::ServiceExt as _;

use crate::shop_world::{Answer, World, on_both, product, request, variant};

#[track_caller]
fn refused(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let json: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(json["error"]["code"], code);
    assert!(
        json["error"]["message"]
            .as_str()
            .is_some_and(|message| !message.is_empty())
    );
}

#[tokio::test]
async fn the_documents_of_the_api_have_exactly_these_members() {
    on_both(async |world| {
        let mut mug = product("mug", "Mug");
        mug.vendor = "Kiln".into();
        mug.product_type = "Cups".into();
        mug.tags = vec!["gift".into()];
        mug.options = vec!["Size".into()];
        mug.variants = vec![variant(&["Small"], 1_250), variant(&["Large"], 1_500)];
        mug.variants[1].quantity = Some(0);
        world.put(1, &mug).await;
        let document = |small: &Value, large: &Value| {
            json!({
                "handle": "mug", "title": "Mug", "vendor": "Kiln", "type": "Cups", "tags": ["gift"],
                "variants": [
                    {"variant_id": small, "sku": "SKU", "options": ["Small"], "price_minor": 1250,
                     "currency": "EUR", "available": true},
                    {"variant_id": large, "sku": "SKU", "options": ["Large"], "price_minor": 1500,
                     "currency": "EUR", "available": false},
                ],
            })
        };
        let one = world.get(1, "/api/products/mug").await.json();
        let ids = [
            &one["variants"][0]["variant_id"],
            &one["variants"][1]["variant_id"],
        ];
        assert!(
            ids.iter()
                .all(|id| id.as_str().is_some_and(|id| id.parse::<i64>().is_ok()))
        );
        assert_eq!(one, document(ids[0], ids[1]));
        let list = world.get(1, "/api/products").await.json();
        assert_eq!(list, json!({"products": [one], "next": null}));
        let found = world.get(1, "/api/search?q=mug").await.json();
        let facets = json!({
            "vendor": [{"value": "Kiln", "count": 1}],
            "type": [{"value": "Cups", "count": 1}],
            "tag": [{"value": "gift", "count": 1}],
            "availability": [{"value": "in_stock", "count": 1}],
            "price": [{"price_min_minor": null, "price_max_minor": null, "count": 1}],
        });
        assert_eq!(
            found,
            json!({"products": [one], "next": null, "facets": facets})
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_a_refusal_in_the_form_that_was_asked_for() {
    let world = World::sqlite().await;
    for path in [
        "/nowhere",
        "/products/none",
        "/products/",
        "/products/MUG",
        "/products/%00",
        "/products/%ff",
        "/products/a%2Fb",
        "/collections/none",
        "/api/products/none",
        "/api/nothing",
        "/assets/shop-0000.css",
        "/assets/%2e%2e%2fCargo.toml",
        "/demo/kiln/none.svg",
        "/demo/..%2f/x.svg",
    ] {
        refused(
            &world.get(1, path).await,
            StatusCode::NOT_FOUND,
            "not_found",
        );
        let page = world.browse(1, path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            page.headers[CONTENT_TYPE], "text/html; charset=utf-8",
            "{path}"
        );
        assert_eq!(page.headers[CACHE_CONTROL], "no-store", "{path}");
        assert!(page.body.contains("<h1>Nothing here</h1>"), "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE] {
        let request = Request::builder()
            .method(method)
            .uri("/products/mug")
            .body(Body::empty())
            .unwrap();
        let answer = world.ask(1, request).await;
        refused(
            &answer,
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
        );
        assert_eq!(answer.headers[ALLOW], "GET,HEAD");
    }
}

#[tokio::test]
async fn without_a_tenant_there_is_no_shop() {
    let world = World::sqlite().await;
    let router = storefront::shop::router(world.cell.clone(), world.checkout.clone());
    for path in [
        "/",
        "/products/mug",
        "/search",
        "/api/products",
        "/api/search",
    ] {
        let response = router.clone().oneshot(request(path)).await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::INTERNAL_SERVER_ERROR,
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let world = World::sqlite().await;
    world.put(1, &product("mug", "Mug")).await;
    for path in [
        "/",
        "/products/mug",
        "/search",
        "/api/products",
        "/nowhere",
        "/api/search?limit=0",
    ] {
        for answer in [world.get(1, path).await, world.browse(1, path).await] {
            assert_eq!(answer.headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
            assert_eq!(
                answer.headers[REFERRER_POLICY], "strict-origin-when-cross-origin",
                "{path}"
            );
            let policy = answer.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(
                policy.contains("default-src 'none'") && !policy.contains("script-src"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_page_that_has_not_changed_is_not_sent_again() {
    let world = World::sqlite().await;
    world.put(1, &product("mug", "Mug")).await;
    let first = world.browse(1, "/products/mug").await;
    let tag = first.headers[ETAG].clone();
    let again = |tag: http::HeaderValue| {
        let mut request = request("/products/mug");
        request.headers_mut().insert(IF_NONE_MATCH, tag);
        request
    };
    let known = world.ask(1, again(tag.clone())).await;
    assert_eq!(
        (known.status, known.body.as_str()),
        (StatusCode::NOT_MODIFIED, "")
    );
    assert_eq!(known.headers[ETAG], tag);
    let mut dearer = product("mug", "Mug");
    dearer.variants[0].policy = Policy::Continue;
    dearer.variants[0].price = variant(&[], 9_900).price;
    world.put(1, &dearer).await;
    let changed = world.ask(1, again(tag)).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert!(changed.body.contains("€99.00"));
}

#[tokio::test]
async fn the_stylesheet_is_kept_for_ever_under_the_name_that_pages_give() {
    let world = World::sqlite().await;
    let home = world.browse(1, "/").await.body;
    let (_, rest) = home.split_once("/assets/").unwrap();
    let (name, _) = rest.split_once('"').unwrap();
    let style = world.get(1, &format!("/assets/{name}")).await;
    assert_eq!(style.status, StatusCode::OK);
    assert_eq!(style.headers[CONTENT_TYPE], "text/css; charset=utf-8");
    assert_eq!(
        style.headers[CACHE_CONTROL],
        "public, max-age=31536000, immutable"
    );
    assert!(style.body.contains(".accent-11"));
}

#[tokio::test]
async fn every_picture_of_the_demo_shops_is_served() {
    let world = World::sqlite().await;
    let mut pictures = 0;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/images");
    for shop in std::fs::read_dir(folder).unwrap() {
        let shop = shop.unwrap();
        for file in std::fs::read_dir(shop.path()).unwrap() {
            let file = file.unwrap();
            let path = format!(
                "/demo/{}/{}",
                shop.file_name().display(),
                file.file_name().display()
            );
            let answer = world.get(1, &path).await;
            assert_eq!(
                answer.status,
                StatusCode::OK,
                "{path} is not in the program"
            );
            assert_eq!(answer.headers[CONTENT_TYPE], "image/svg+xml");
            assert_eq!(answer.body, std::fs::read_to_string(file.path()).unwrap());
            pictures += 1;
        }
    }
    assert!(pictures > 0);
}
