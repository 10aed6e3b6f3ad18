//! The way of a visitor's request, each step in memory until the cell:
//! observe → refuse what is doubtful → bound the body → find and admit the tenant → limit → its cell.
//!
//! In one process the cell is called, see [`service`]; otherwise a gateway sends the request to a process of the cell, see
//! [`far`].

pub mod far;

use std::{convert::Infallible, sync::Arc};

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use tenancy_cell_router::{BodyLimitLayer, CellTransport, Cells, EdgeLayer, LineTable, Pseudonym};
use tenancy_core::{HostEvidence, OpenToAll, Resolver, SubdomainEvidence, middleware::TenantLayer};
use tenancy_rate_limit::{ConcurrencyLimitLayer, RateLimitLayer};
use tenancy_types::Placement;
use tower::{Service, ServiceBuilder};

use crate::{
    pages::Answer,
    platform::Site,
    shop,
    telemetry::{Listener, note_tenant, observe},
};

/// The most bytes of a visitor's body: forms and small JSON.
const LARGEST_BODY: u64 = 1 << 20;

/// What answers visitors with bodies of this type.
pub trait Shops<B>:
    Service<Request<B>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S, B> Shops<B> for S where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// All shops of the cells of this process, as one service for the visitors' listener.
pub fn service(site: &Site) -> impl Shops<Incoming> + use<> {
    let cells: Cells<_> = site
        .cells()
        .map(|(cell, checkout)| (cell.id(), shop::router(cell.clone(), checkout.clone())))
        .collect();
    let meters = Arc::clone(site.meters());
    let count = move |request: Request<Body>| {
        if let Some(placement) = request.extensions().get::<Placement>() {
            meters.count(placement.cell);
        }
        request
    };
    let cells = ServiceBuilder::new()
        .map_request(count)
        .service(CellTransport::new(cells).with_respond(Answer));
    at_the_edge(limited(site, cells))
}

/// Sees what is asked and answered, and takes nothing doubtful and no body that is too large.
fn at_the_edge<S: Shops<Body>>(inner: S) -> impl Shops<Incoming> + use<S> {
    let via = Pseudonym::new("storefront").expect("a word is a pseudonym");
    ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(Body::new))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(observe(Listener::Shops))
        .layer(EdgeLayer::new(via).respond_with(Answer))
        .layer(BodyLimitLayer::bytes(LARGEST_BODY).respond_with(Answer))
        .map_request(|request: Request<_>| request.map(Body::new))
        .service(inner)
}

/// Finds and admits the tenant, and takes no more than its plan allows.
fn limited<S: Shops<Body>>(site: &Site, inner: S) -> impl Shops<Body> + use<S> {
    let limits = site.limits().clone();
    ServiceBuilder::new()
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(tenants(site).respond_with(Answer))
        .map_request(note_tenant)
        .layer(RateLimitLayer::new(limits.clone()).respond_with(Answer))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(ConcurrencyLimitLayer::new(&limits).respond_with(Answer))
        .service(inner)
}

/// Finds the tenant by the request's host. Visitors of a shop need no membership.
fn tenants(site: &Site) -> TenantLayer<Arc<LineTable>, OpenToAll> {
    let platform_domain = site.config().platform_domain.clone();
    let resolver = Resolver::new()
        .with(HostEvidence)
        .with(SubdomainEvidence::below(platform_domain));
    let budgets = site.clone();
    let routes = Arc::clone(site.routes());
    TenantLayer::new(routes, resolver, OpenToAll, move |tenant| {
        budgets.budget(tenant)
    })
}
