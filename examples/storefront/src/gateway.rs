//! The way of a visitor's request, each step in memory until the cell:
//! observe → refuse what is doubtful → bound the body → find and admit the tenant → limit → its cell.

use std::{convert::Infallible, sync::Arc};

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use tenancy_cell_router::{BodyLimitLayer, CellTransport, Cells, EdgeLayer, Pseudonym};
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

/// All shops of the platform, as one service for the visitors' listener.
pub fn service(
    site: &Site,
) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    let platform_domain = site.config().platform_domain.clone();
    let resolver = Resolver::new()
        .with(HostEvidence)
        .with(SubdomainEvidence::below(platform_domain));
    let limits = site.limits().clone();
    let budgets = site.clone();
    // Visitors of a shop need no membership.
    let tenants = TenantLayer::new(
        Arc::clone(site.routes()),
        resolver,
        OpenToAll,
        move |tenant| budgets.budget(tenant),
    );
    let cells: Cells<_> = site
        .cells()
        .map(|(cell, checkout)| (cell.id(), shop::router(cell.clone(), checkout.clone())))
        .collect();
    let meters = Arc::clone(site.meters());
    let via = Pseudonym::new("storefront").expect("a word is a pseudonym");
    let edge = EdgeLayer::new(via);
    ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(Body::new))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(observe(Listener::Shops))
        .layer(edge.respond_with(Answer))
        .layer(BodyLimitLayer::bytes(LARGEST_BODY).respond_with(Answer))
        .map_request(|request: Request<_>| request.map(Body::new))
        .layer(tenants.respond_with(Answer))
        .map_request(note_tenant)
        .layer(RateLimitLayer::new(limits.clone()).respond_with(Answer))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(ConcurrencyLimitLayer::new(&limits).respond_with(Answer))
        .map_request(move |request: Request<Body>| {
            if let Some(placement) = request.extensions().get::<Placement>() {
                meters.count(placement.cell);
            }
            request
        })
        .service(CellTransport::new(cells).with_respond(Answer))
}
