//! The shops' addresses.
//!
//! | address | answer |
//! | --- | --- |
//! | `GET /` | the shop's home |
//! | `GET /products/{handle}?variant=` | a product, with a variant chosen |
//! | `GET /collections/{handle}?…`, `GET /search?…` | a listing with filters, see [`Query`](super::search::Query) |
//! | `GET /cart`, `POST /cart/items` | the visitor's cart, and a form that changes it |
//! | `POST /checkout` | a form that buys what the cart's page showed |
//! | `POST /checkout/outcome` | a form that finds out what became of an attempt without an answer |
//! | `GET /orders/{token}` | an order's page |
//! | `POST /api/checkout`, with an `Idempotency-Key` | buys: `{items: [{variant_id, quantity}], email, payment_token}` |
//! | `GET /api/orders/{token}` | an order |
//! | `GET /api/products?limit&after` | products in the order in which they came |
//! | `GET /api/products/{handle}` | one of them |
//! | `GET /api/search?…` | a listing with facets |
//! | `GET /assets/{file}`, `GET /demo/{shop}/{file}` | styles, pictures of the demo shops |
//!
//! Handlers take the tenant from the extractor of `tenancy-core`; the layer that admits it belongs around
//! this router, answering with [`Answer`](crate::pages::Answer).

mod api;
mod body;
mod cart;
mod checkout;
mod cookie;
mod files;
mod finish;
mod handle;
mod json;
mod key;
mod orders;
mod pages;
mod pictures;
mod reply;
mod same_origin;
mod shops;
mod variant_id;
mod visit;

use axum::{
    Router, middleware,
    routing::{get, post},
};
use http::{
    HeaderName, HeaderValue,
    header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS},
};
use tower_http::set_header::SetResponseHeaderLayer;

use super::{Cell, ShopError, checkout::Checkout};

use crate::pages::Refused;
pub(crate) use finish::finish;
use same_origin::same_origin;
use shops::Shops;

/// No scripts at all; pictures may come from where the merchant keeps them.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' https: http: data:; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// The shops of a cell, which sell through this checkout.
pub fn router(cell: Cell, checkout: Checkout) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/products/{handle}", get(pages::product))
        .route("/collections/{handle}", get(pages::collection))
        .route("/search", get(pages::search))
        .route("/cart", get(cart::show))
        .route("/cart/items", get(cart::lead_back).post(cart::change))
        .route("/checkout", get(cart::lead_back).post(checkout::form))
        .route(
            "/checkout/outcome",
            get(cart::lead_back).post(checkout::outcome),
        )
        .route("/orders/{token}", get(orders::page))
        .route("/api/checkout", post(checkout::api))
        .route("/api/orders/{token}", get(orders::api))
        .route("/api/products", get(api::products))
        .route("/api/products/{handle}", get(api::product))
        .route("/api/search", get(api::search))
        .route("/assets/{file}", get(files::asset))
        .route("/demo/{shop}/{file}", get(files::demo))
        .fallback(async || ShopError::NotFound { what: "page" })
        .method_not_allowed_fallback(async || Refused::method_not_allowed())
        .with_state(Shops { cell, checkout })
        .layer(middleware::from_fn(same_origin))
        .layer(middleware::from_fn(finish))
        .layer(header(CONTENT_SECURITY_POLICY, POLICY))
        .layer(header(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(REFERRER_POLICY, "strict-origin-when-cross-origin"))
}

fn header(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}
