//! Every mixture of what two shops' visitors and operators send is refused, or is answered as the host's own.

use http::{HeaderMap, HeaderValue, Request, Response, header::HOST};
use serde_json::json;
use tenancy_core::testing::matrix::{Matrix, Verdict};
use tower::{Service, service_fn};

use super::{
    buying::{buy, with_cart},
    http::Client,
    isolation::two_shops,
    platform::{Kind, PATIENCE, Platform, each_kind},
};
use crate::shop_visitor::{FORM, checkout_fields, encoded};

each_kind!(
    no_mixture_of_two_visitors_is_served,
    no_mixture_of_two_carts_is_bought,
    no_mixture_of_two_shops_is_operated,
    a_platform_that_loses_the_host_is_found,
);

const SHOPS: [&str; 2] = ["left", "right"];

/// On each page of the one and the other.
const MARKS: [&str; 2] = ["leftmark", "rightmark"];

fn matrix() -> Matrix {
    let [left, right] = MARKS;
    Matrix::of(SHOPS[0], SHOPS[1]).mark(left, right)
}

fn hosts(matrix: Matrix) -> Matrix {
    matrix.host("left.localhost", "right.localhost")
}

/// What listens at an address, which is sent what a matrix makes, to the letter.
fn listener(
    address: &str,
) -> impl Service<Request<String>, Response = Response<String>, Error = reqwest::Error> + Clone {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let address = format!("http://{address}");
    service_fn(move |request: Request<String>| {
        let (head, body) = request.into_parts();
        let sent = client
            .request(head.method, format!("{address}{}", head.uri))
            .headers(head.headers)
            .body(body)
            .send();
        async {
            let answer = sent.await?;
            let mut response = Response::new(String::new());
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            *response.body_mut() = answer.text().await?;
            Ok(response)
        }
    })
}

/// A thing of each shop that the other has not, at an address that says nothing of its mark.
async fn own_products(platform: &Platform) {
    for (shop, mark) in SHOPS.into_iter().zip(MARKS) {
        let csv = format!("Handle,Title,Variant Price\nof-{shop},Own {mark},5\n");
        assert_eq!(platform.import(shop, &csv).await["created"], 1);
    }
}

fn visitors(platform: &Platform) -> [Client; 2] {
    ["left.localhost", "right.localhost"].map(|host| platform.visitor(host))
}

async fn variant(visitor: &Client) -> String {
    let mug = visitor.get("/api/products/mug-1").await.expect_status(200);
    let id = mug["variants"][0]["variant_id"].as_str();
    id.unwrap().to_owned()
}

/// The token of an order of a mug.
async fn order(visitor: &Client) -> String {
    let items = json!([{"variant_id": variant(visitor).await, "quantity": 1}]);
    let body = json!({"items": items, "email": "ann@example.com", "payment_token": "test"});
    let placed = buy(visitor, "mug", &body).await.expect_status(201);
    placed["order_token"].as_str().unwrap().to_owned()
}

async fn with_orders(kind: Kind) -> (Platform, Matrix) {
    let platform = two_shops(kind).await;
    own_products(&platform).await;
    let [left, right] = visitors(&platform);
    let matrix = matrix()
        .value("order", order(&left).await, order(&right).await)
        .value("product", "of-left", "of-right");
    (platform, matrix)
}

fn of_visitors(matrix: Matrix) -> Matrix {
    hosts(matrix)
        .request("GET", "/orders/{order}")
        .request("GET", "/api/orders/{order}")
        .request("GET", "/products/{product}")
        .request("GET", "/api/products/{product}")
}

async fn no_mixture_of_two_visitors_is_served(kind: Kind) {
    let (platform, matrix) = with_orders(kind).await;
    let report = of_visitors(matrix).run(&listener(&platform.shops)).await;
    report.assert_refused();
}

/// The carts' cookies, and the forms that buy what is in them.
async fn no_mixture_of_two_carts_is_bought(kind: Kind) {
    let platform = two_shops(kind).await;
    let mut held = Vec::new();
    for visitor in visitors(&platform) {
        let buyer = with_cart(&visitor, &variant(&visitor).await, "2").await;
        let fields = checkout_fields(&buyer.get("/cart").await.body);
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        held.push((buyer.header_value("cookie").to_owned(), encoded(&fields)));
    }
    let report = hosts(matrix())
        .header("cookie", &*held[0].0, &*held[1].0)
        .value("form", &held[0].1, &held[1].1)
        .every("content-type", FORM)
        .also_served(leads_to_an_order)
        .open_request("GET", "/")
        .open_request("GET", "/cart")
        .open_request("GET", "/search?q=mug")
        .open_request("GET", "/api/products?limit=3")
        .request_with("POST", "/checkout", "{form}")
        .run(&listener(&platform.shops))
        .await;
    report.assert_refused();
}

fn leads_to_an_order(answer: &Response<String>) -> bool {
    let location = answer.headers().get("location").map(HeaderValue::as_bytes);
    answer.status() == 303 && location.is_some_and(|it| it.starts_with(b"/orders/"))
}

async fn no_mixture_of_two_shops_is_operated(kind: Kind) {
    let (platform, matrix) = with_orders(kind).await;
    let report = matrix
        .value("shop", SHOPS[0], SHOPS[1])
        .every("authorization", format!("Bearer {}", platform.token()))
        .request("GET", "/v1/tenants/{shop}/products/{product}")
        .request("GET", "/v1/tenants/{shop}/orders/{order}")
        .request("DELETE", "/v1/tenants/{shop}/products/{product}")
        .run(&listener(&platform.ops))
        .await;
    report.assert_refused();
}

/// Control: behind a proxy that sends everything to one shop.
async fn a_platform_that_loses_the_host_is_found(kind: Kind) {
    let (platform, matrix) = with_orders(kind).await;
    let listener = listener(&platform.shops);
    let to_one = tower::ServiceExt::map_request(listener, |mut request: Request<String>| {
        let headers: &mut HeaderMap = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_static("left.localhost"));
        request
    });
    let report = of_visitors(matrix).run(&to_one).await;
    // What is the left shop's is now at the right one's address.
    let leak = report.rows().iter().find(|row| {
        let side = |part| row.tenant_of(part);
        side("host") == Some("right") && side("order") == Some("left")
    });
    assert_eq!(leak.unwrap().verdict(), Verdict::ForeignMark, "{report}");
}
