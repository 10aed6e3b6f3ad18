//! What machines ask: whether the process lives, whether it can serve, and its figures.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use tenancy_core::directory::Directory;

use super::Ops;
use tenancy_cell_router::Stop;

/// The process lives. Says nothing of what it depends on, so that an outage elsewhere restarts nothing.
#[utoipa::path(get, path = "/healthz", tag = "probes", responses((status = 200, description = "it lives")))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The process can serve shops: the route table is filled and it is not shutting down.
#[utoipa::path(
    get, path = "/readyz", tag = "probes",
    responses((status = 200, description = "it can serve"), (status = 503, description = "it cannot"))
)]
pub(super) async fn readyz(State(ops): State<Ops>) -> (StatusCode, &'static str) {
    if *ops.stop.borrow() >= Stop::Drain {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
    } else if !ops.platform.site().is_ready() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the route table is not filled yet\n",
        )
    } else {
        (StatusCode::OK, "ready\n")
    }
}

/// All metrics in the Prometheus text format; `docs/metrics.md` lists them.
#[utoipa::path(get, path = "/metrics", tag = "probes", responses((status = 200, description = "all metrics")))]
pub(super) async fn metrics(State(ops): State<Ops>) -> Response {
    if let Ok(cells) = ops.platform.directory().cells().await {
        for load in cells {
            let cell = load.record.cell.to_string();
            metrics::gauge!("storefront_cell_tenants", "cell" => cell).set(f64::from(load.tenants));
        }
    }
    ops.platform.site().record_routes();
    ops.platform.site().record_log().await;
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        ops.metrics.render(),
    )
        .into_response()
}
