//! The operators' listener: shops, cells, the directory's log, imports, probes, metrics, and the description of it all.
//!
//! Everything below `/v1` and `/debug` needs the operator's token. Every POST takes an `Idempotency-Key`: the same key
//! and request give the same answer, also across a crash.

mod archives;
mod audit;
mod auth;
mod cells;
mod directory;
mod enter;
mod error;
mod export;
mod idempotency;
mod import;
mod model;
mod offboarding;
mod orders;
mod probes;
mod products;
mod purge;
mod relay;
mod routes;
mod stock;
mod tenants;
mod upload;

use std::{num::NonZeroU16, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, FromRef},
    middleware,
    routing::get,
};
use http::header;
use metrics_exporter_prometheus::PrometheusHandle;
use tenancy_cell_router::Stop;
use tenancy_core::directory::Tenant;
use tokio::sync::watch;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    pages::Refused,
    platform::{Platform, Site},
    shop::finish,
    telemetry::{Listener, observe},
};

pub use archives::LARGEST_ARCHIVE;
pub use audit::{AuditEntries, AuditEntry, AuditQuery};
pub use auth::OperatorToken;
pub use directory::{CompactLog, CompactedLog, DirectoryLog, RoutesLag};
pub use error::OpsError;
pub use idempotency::{Claim, Fingerprint, Idempotency, Kept};
pub use import::LARGEST_FILE;
pub use model::{
    ArchiveQuery, CellView, Cells, ImportQuery, NewShop, PageQuery, PatchLifecycle, ReplaceQuery,
    Shop, ShopPatch, Shops, Visit,
};

pub use orders::{OrderLineView, OrderView, Orders, OrdersQuery, RefundOrder, RefundView};
pub use probes::{Probes, probes};
pub use products::{ProductSummaries, ProductSummary, ProductsQuery, ShopProduct};
pub use purge::{ConfirmPurge, Receipt};
pub use routes::{HostRoute, RouteProbe, Routes, RoutesQuery};
pub use stock::{
    EventsQuery, PatchStock, StockCheck, StockDifference, StockEvent, StockEvents, StockLine,
    StockLines, StockNumbers, StockQuery, StockRebuilt,
};

/// The most bytes of a body that is read whole.
const LARGEST_BODY: usize = 1 << 20;

/// The length of a page: 1 to 1000, without a wish 100.
fn limit(asked: Option<u16>) -> Result<NonZeroU16, OpsError> {
    let limit = NonZeroU16::new(asked.unwrap_or(100)).filter(|limit| limit.get() <= 1_000);
    limit.ok_or_else(|| OpsError::invalid("limit is a number from 1 to 1000"))
}

/// What the operators' handlers share.
#[derive(Clone, Debug)]
pub struct Ops {
    /// The platform.
    pub platform: Platform,
    /// Keys and answers.
    pub idempotency: Idempotency,
    /// How the shops' listener is reached.
    pub visit: Arc<Visit>,
    /// Whether the process has been asked to stop.
    pub stop: watch::Receiver<Stop>,
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Storefront operator API",
    description = "Make, change and fill shops. Everything below /v1 and /debug needs `Authorization: Bearer <operator token>`."
))]
struct Description;

/// What the handlers of one shop's rows share: they run where its cell is.
#[derive(Clone, Debug)]
pub struct ShopOps {
    /// The cells.
    pub site: Site,
    /// Keys and answers; none where control keeps them.
    pub idempotency: Option<Idempotency>,
}

impl ShopOps {
    /// The tenant of a number or slug, when this process knows what the directory knows of it.
    async fn find(&self, name: &str) -> Result<Tenant, OpsError> {
        let tenant = tenants::find(&self.site, name).await?;
        self.site.reached(tenant.revision).await;
        Ok(tenant)
    }
}

impl FromRef<Ops> for ShopOps {
    fn from_ref(ops: &Ops) -> Self {
        Self {
            site: ops.platform.site().clone(),
            idempotency: Some(ops.idempotency.clone()),
        }
    }
}

/// The addresses of shops' rows.
fn shop_routes<S>() -> OpenApiRouter<S>
where
    S: Clone + Send + Sync + 'static,
    ShopOps: FromRef<S>,
{
    OpenApiRouter::new()
        .routes(routes!(export::export))
        .routes(routes!(import::import))
        .routes(routes!(products::list))
        .routes(routes!(products::show, products::put, products::remove))
        .routes(routes!(orders::list))
        .routes(routes!(orders::show))
        .routes(routes!(orders::fulfil))
        .routes(routes!(orders::cancel))
        .routes(routes!(orders::refund))
        .routes(routes!(stock::list))
        .routes(routes!(stock::change))
        .routes(routes!(stock::events))
        .routes(routes!(stock::check))
        .routes(routes!(stock::rebuild))
}

/// The same in a cell's process, for control alone: it has asked who the operator is, and keeps the answers.
pub fn shop_router(site: Site) -> Router {
    let (router, _) = shop_routes().split_for_parts();
    router
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn(relay::note))
        .with_state(ShopOps {
            site,
            idempotency: None,
        })
}

/// The operators' addresses.
pub fn router(ops: Ops, token: OperatorToken) -> Router {
    let api = OpenApiRouter::new()
        .routes(routes!(tenants::create, tenants::list))
        .routes(routes!(
            tenants::show,
            tenants::patch,
            offboarding::offboard
        ))
        .routes(routes!(offboarding::undo))
        .routes(routes!(purge::purge))
        .routes(routes!(purge::receipt))
        .routes(routes!(archives::create))
        .routes(routes!(archives::replace))
        .routes(routes!(cells::list))
        .routes(routes!(routes::show))
        .routes(routes!(directory::show))
        .routes(routes!(directory::compact))
        .routes(routes!(audit::list))
        .merge(
            shop_routes().route_layer(middleware::from_fn_with_state(ops.clone(), relay::to_cell)),
        )
        // For bodies that are read whole; files are read as they arrive.
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .route_layer(middleware::from_fn_with_state(ops.clone(), audit::record))
        .route_layer(middleware::from_fn_with_state(token, auth::require));
    let machines = OpenApiRouter::new()
        .routes(routes!(probes::healthz))
        .routes(routes!(probes::readyz))
        .routes(routes!(probes::metrics));
    let described = OpenApiRouter::with_openapi(Description::openapi())
        .merge(api)
        .merge(machines);
    let (router, description) = described.split_for_parts();
    let description = Bytes::from(description.to_json().expect("a description is JSON"));
    let description = move || {
        std::future::ready((
            [(header::CONTENT_TYPE, "application/json")],
            description.clone(),
        ))
    };
    router
        .route("/openapi.json", get(description))
        .fallback(async || OpsError::NoRoute)
        .method_not_allowed_fallback(async || Refused::method_not_allowed())
        .layer(middleware::from_fn(finish))
        .layer(observe(Listener::Ops))
        .with_state(ops)
}
