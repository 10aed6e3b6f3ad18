use axum::{
    Router,
    body::{Body, to_bytes},
    routing::get,
};
use http::{Request, StatusCode, header};
use std::{num::NonZeroU16, time::Duration};
use tenancy_core::{
    HostEvidence, OpenToAll, ReadOnly, ReadWrite, Resolver, TenantContext,
    middleware::TenantLayer,
    types::{Lifecycle, WorkBudget},
};
use tower::ServiceExt;

use crate::routes::{Routes, moving, placed};

async fn show(tenant: TenantContext<ReadOnly>) -> String {
    format!("read {}", tenant.tenant())
}

async fn change(tenant: TenantContext<ReadWrite>) -> String {
    format!("write {}", tenant.tenant())
}

fn shop() -> Router {
    Router::new().route("/", get(show).post(change))
}

fn covered() -> Router {
    let routes = Routes::default()
        .tenant(1, placed(Lifecycle::Active))
        .tenant(2, moving(Lifecycle::Active))
        .tenant(3, placed(Lifecycle::ReadOnly))
        .domain("active.example", 1)
        .domain("moving.example", 2)
        .domain("kept.example", 3);
    let budget = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(1));
    shop().layer(TenantLayer::new(
        routes,
        Resolver::new().with(HostEvidence),
        OpenToAll,
        move |_| budget,
    ))
}

async fn check(app: Router, method: &str, host: &str, expect: (u16, &str)) {
    let request = Request::builder()
        .method(method)
        .uri("/")
        .header(header::HOST, host)
        .body(Body::empty())
        .unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    let body = String::from_utf8_lossy(&body);
    assert_eq!(
        status,
        StatusCode::from_u16(expect.0).unwrap(),
        "{method} {host}: {body}"
    );
    assert!(body.contains(expect.1), "{method} {host}: {body}");
}

#[tokio::test]
async fn the_type_of_the_context_says_what_a_handler_may_do() {
    check(covered(), "GET", "active.example", (200, "read 1")).await;
    check(covered(), "POST", "active.example", (200, "write 1")).await;
    check(covered(), "GET", "moving.example", (200, "read 2")).await;
    check(covered(), "POST", "moving.example", (503, "tenant_moving")).await;
    check(covered(), "GET", "kept.example", (200, "read 3")).await;
    check(covered(), "POST", "kept.example", (403, "tenant_read_only")).await;
}

#[tokio::test]
async fn without_the_layer_there_is_no_tenant() {
    check(shop(), "GET", "active.example", (500, "internal")).await;
    check(shop(), "POST", "active.example", (500, "internal")).await;
}
