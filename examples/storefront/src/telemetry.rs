//! Logs and metrics of both listeners. Names and labels of metrics are API: `docs/metrics.md` lists them.

use std::time::Duration;

use axum::body::Body;
use http::{Request, Response};
use metrics::{counter, describe_counter, describe_gauge, describe_histogram, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tenancy_types::TenantId;
use tower_http::{
    classify::{ServerErrorsAsFailures, SharedClassifier},
    trace::{DefaultOnBodyChunk, DefaultOnEos, MakeSpan, OnFailure, OnResponse, TraceLayer},
};
use tracing::{Span, field::Empty};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends logs to standard error, filtered by `RUST_LOG` (without it: `info`).
///
/// # Panics
/// When called twice.
pub fn init_logs(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    match format {
        LogFormat::Text => registry
            .with(fmt::layer().with_writer(std::io::stderr))
            .init(),
        LogFormat::Json => registry
            .with(fmt::layer().json().with_writer(std::io::stderr))
            .init(),
    }
}

/// Collects metrics from here on; the handle renders them.
///
/// # Panics
/// When another recorder has been installed.
#[must_use]
pub fn init_metrics() -> PrometheusHandle {
    // From a memory hit to the longest a client waits.
    const SECONDS: [f64; 12] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    ];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .expect("there are buckets")
        .install_recorder()
        .expect("metrics are set up once");
    describe();
    handle
}

fn describe() {
    describe_counter!("storefront_http_requests_total", "Requests answered");
    describe_histogram!(
        "storefront_http_request_seconds",
        "Time from a request's head to its response's head"
    );
    describe_gauge!("storefront_cell_tenants", "Tenants that live in a cell");
    describe_gauge!(
        "storefront_routes_age_seconds",
        "Time since the route table was last in step with the directory"
    );
    describe_gauge!(
        "storefront_routes_behind_revisions",
        "Revisions of the directory that the route table has not seen"
    );
    describe_gauge!(
        "storefront_routes_behind_seconds",
        "Time since the first of those was written"
    );
    describe_gauge!(
        "storefront_routes_tenants",
        "Shops in the route table, those that are gone included"
    );
    describe_gauge!(
        "storefront_routes_names",
        "Domains and slugs in the route table"
    );
    describe_gauge!("storefront_routes_bytes", "Memory of the route table");
    describe_counter!(
        "storefront_routes_events_total",
        "What happened to the route table"
    );
    describe_gauge!(
        "storefront_directory_log_revisions",
        "Revisions that the directory's log reaches back"
    );
    describe_gauge!(
        "storefront_routes_revision",
        "Revision of the directory that the route table shows"
    );
    describe_histogram!("storefront_provisioning_seconds", "Time to make a shop");
    describe_counter!(
        "storefront_worker_rounds_total",
        "Rounds of the platform's own work"
    );
    describe_counter!(
        "storefront_worker_failures_total",
        "Work in shops that failed or took too long"
    );
    describe_gauge!(
        "storefront_overdue_oldest_seconds",
        "Time for which the oldest overdue order has been so"
    );
    describe_gauge!(
        "storefront_clock_doubted",
        "Whether the wall clock jumped, so that nothing is deleted for its age"
    );
    describe_counter!(
        "storefront_import_products_total",
        "Products that imports looked at"
    );
    describe_selling();
}

fn describe_selling() {
    describe_counter!("storefront_checkouts_total", "Checkouts that were tried");
    describe_counter!(
        "storefront_overdue_orders_total",
        "Orders whose buyer did not come back in time"
    );
    describe_counter!(
        "storefront_reorder_alerts_total",
        "Variants whose stock fell to where more should be ordered"
    );
    // An alarm on the rate of what is rare needs its zero.
    counter!("storefront_checkouts_total", "outcome" => "unknown").increment(0);
    counter!("storefront_overdue_orders_total", "outcome" => "unknown").increment(0);
    counter!("storefront_reorder_alerts_total").increment(0);
}

/// Logs every request of a listener and counts it.
#[must_use]
pub fn observe(listener: Listener) -> ObserveLayer {
    TraceLayer::new_for_http()
        .make_span_with(listener)
        .on_request(())
        .on_response(listener)
        .on_failure(Quiet)
        .on_body_chunk(DefaultOnBodyChunk::new())
        .on_eos(DefaultOnEos::new())
}

/// What [`observe`] makes.
pub type ObserveLayer = TraceLayer<
    SharedClassifier<ServerErrorsAsFailures>,
    Listener,
    (),
    Listener,
    DefaultOnBodyChunk,
    DefaultOnEos,
    Quiet,
>;

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listener {
    /// The shops' listener.
    Shops,
    /// The operators' listener.
    Ops,
}

impl Listener {
    const fn name(self) -> &'static str {
        match self {
            Self::Shops => "shops",
            Self::Ops => "ops",
        }
    }
}

impl<B> MakeSpan<B> for Listener {
    fn make_span(&mut self, request: &Request<B>) -> Span {
        let (method, path) = (request.method(), shown(request.uri().path()));
        tracing::info_span!(
            "request", listener = self.name(), %method, path, tenant_id = Empty, operator = Empty
        )
    }
}

/// A path as logs have it: without the token of an order, which lets in whoever has it. Only a number behind
/// `/orders/` is no token, and what follows it is words of ours.
fn shown(path: &str) -> &str {
    const ORDERS: &str = "/orders/";
    let mut from = 0;
    while let Some(found) = path[from..].find(ORDERS) {
        let order = from + found + ORDERS.len();
        let name = path[order..].split('/').next().unwrap_or_default();
        if name.parse::<i64>().is_err() {
            return &path[..order];
        }
        // The slash behind the number may begin the next `/orders/`.
        from = order + name.len();
    }
    path
}

impl<B> OnResponse<B> for Listener {
    fn on_response(self, response: &Response<B>, latency: Duration, span: &Span) {
        let status = response.status();
        let class =
            ["1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(status.as_u16() / 100 - 1).min(4)];
        counter!("storefront_http_requests_total", "listener" => self.name(), "status" => class)
            .increment(1);
        histogram!("storefront_http_request_seconds", "listener" => self.name())
            .record(latency.as_secs_f64());
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        span.in_scope(|| tracing::info!(status = status.as_u16(), micros, "request answered"));
    }
}

/// Failures are logged by whoever handles them, once.
#[derive(Clone, Copy, Debug)]
pub struct Quiet;

impl<F> OnFailure<F> for Quiet {
    fn on_failure(&mut self, _: F, _: Duration, _: &Span) {}
}

/// Puts the tenant of an admitted request into its log lines.
pub fn note_tenant(request: Request<Body>) -> Request<Body> {
    if let Some(tenant) = request.extensions().get::<TenantId>() {
        Span::current().record("tenant_id", tenant.get());
    }
    request
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn the_token_of_an_order_is_not_logged() {
        for (path, expect) in [
            ("/", "/"),
            ("/products/mug", "/products/mug"),
            ("/orders/0123abcd", "/orders/"),
            ("/api/orders/0123abcd/x", "/api/orders/"),
            ("/v1/tenants/1/orders", "/v1/tenants/1/orders"),
            ("/v1/tenants/1/orders/7", "/v1/tenants/1/orders/7"),
            (
                "/v1/tenants/acme/orders/7/refund",
                "/v1/tenants/acme/orders/7/refund",
            ),
            ("/v1/tenants/1/orders/0123abcd", "/v1/tenants/1/orders/"),
            (
                "/v1/tenants/1/orders/0123abcd/refund",
                "/v1/tenants/1/orders/",
            ),
            ("/orders/7/orders/0123abcd", "/orders/7/orders/"),
            ("/orders//0123abcd", "/orders/"),
            ("/orders/99999999999999999999999999999999", "/orders/"),
        ] {
            assert_eq!(shown(path), expect);
        }
    }
}
