//! What machines ask: whether the process lives, whether it can serve, and its figures.

use axum::{
    Router,
    extract::{FromRef, Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use tenancy_core::directory::Directory;

use metrics_exporter_prometheus::PrometheusHandle;
use tenancy_cell_router::Stop;
use tenancy_types::Revision;
use tokio::sync::watch;

use super::Ops;
use crate::platform::Site;

/// What the answers to machines need.
#[derive(Clone, Debug)]
pub struct Probes {
    /// What the process serves, and knows.
    pub site: Site,
    /// Whether the process has been asked to stop.
    pub stop: watch::Receiver<Stop>,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}

impl FromRef<Ops> for Probes {
    fn from_ref(ops: &Ops) -> Self {
        Self {
            site: ops.platform.site().clone(),
            stop: ops.stop.clone(),
            metrics: ops.metrics.clone(),
        }
    }
}

/// The addresses of a process that has no operators.
pub fn probes(probes: Probes) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/routes/{revision}", get(reached))
        .with_state(probes)
}

/// Answers when the routes show this revision of the directory, or after a while that they do not.
async fn reached(State(probes): State<Probes>, Path(revision): Path<u64>) -> StatusCode {
    let revision = Revision::new(revision);
    probes.site.reached(revision).await;
    match probes.site.routes_status().revision() {
        Some(found) if found >= revision => StatusCode::NO_CONTENT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

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
pub(super) async fn readyz(State(probes): State<Probes>) -> (StatusCode, &'static str) {
    if *probes.stop.borrow() >= Stop::Drain {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
    } else if !probes.site.is_ready() {
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
pub(super) async fn metrics(State(probes): State<Probes>) -> Response {
    if let Ok(cells) = probes.site.directory().cells().await {
        for load in cells {
            let cell = load.record.cell.to_string();
            metrics::gauge!("storefront_cell_tenants", "cell" => cell).set(f64::from(load.tenants));
        }
    }
    probes.site.record_routes();
    probes.site.record_log().await;
    (
        [(
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        )],
        probes.metrics.render(),
    )
        .into_response()
}
