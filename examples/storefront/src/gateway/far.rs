//! The way of a request between a gateway's process and a cell's.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    middleware::{self, Next},
    response::Response,
};
use http::{Request, uri::Authority};
use hyper::body::Incoming;
use tenancy_cell_router::{
    BodyLimitLayer, EpochGuardLayer, Error, HintReader, HintSigner, ParkingLayer, ParkingLimits,
    Proxy, StaleRouteLayer, Timeouts, Upstream, says_fenced,
};
use tenancy_core::{
    hop::{HopSignLayer, HopSigner, HopVerifier, HopVerifyLayer},
    keys::LiveKeyring,
};
use tenancy_types::{CellId, Placement, Respond, Route, SystemClock, TenantId};
use tower::ServiceBuilder;

use super::{LARGEST_BODY, Shops, at_the_edge, limited, tenants};
use crate::{
    cluster::Endpoints,
    pages::Answer,
    platform::Site,
    shop,
    telemetry::{Listener, note_tenant, observe},
};

/// All shops of the platform, for the visitors' listener of a gateway: each request goes to a process of its shop's cell, with a
/// token that says whose it is.
///
/// A write that meets a shop in the last moment of a move waits, and what came to a cell that the shop has left is sent to the
/// one where it is.
pub fn service(
    site: &Site,
    endpoints: Endpoints,
    keys: LiveKeyring,
) -> impl Shops<Incoming> + use<> {
    let routes = || Arc::clone(site.routes());
    let limits = ParkingLimits::default();
    let parking = ParkingLayer::new(routes(), limits, says_fenced::<Body>);
    let hints = HintReader::new(keys.clone(), SystemClock);
    let stale = StaleRouteLayer::new(routes(), site.progress(), hints);
    let proxy = Proxy::<Body>::new(Timeouts::default()).with_respond(Answer);
    let cells = ServiceBuilder::new()
        .map_request(leave_route)
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(parking.respond_with(Answer))
        .layer(stale.keep_up_to(limits.largest_body).respond_with(Answer))
        .map_request(|request: Request<_>| request.map(Body::new))
        .layer(middleware::from_fn_with_state(endpoints, find_upstream))
        .layer(HopSignLayer::new(HopSigner::new(keys, SystemClock)))
        .map_response(|response: Response<_>| response.map(Body::new))
        .service(proxy);
    at_the_edge(limited(site, cells))
}

/// Leaves with the request what its token says, and where it goes.
fn leave_route(mut request: Request<Body>) -> Request<Body> {
    let extensions = request.extensions_mut();
    let (tenant, placement) = (extensions.get::<TenantId>(), extensions.get::<Placement>());
    if let (Some(&tenant), Some(&placement)) = (tenant, placement) {
        extensions.insert(Route { tenant, placement });
    }
    request
}

/// Leaves with the request where it goes.
async fn find_upstream(
    State(endpoints): State<Endpoints>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let Some(route) = request.extensions().get::<Route>() else {
        return Answer.respond(&Error::NoPlacement, request.headers());
    };
    let cell = route.placement.cell;
    let Some(endpoint) = endpoints.find(cell) else {
        return Answer.respond(&Error::CellUnavailable { cell }, request.headers());
    };
    let shops = endpoint.shops.to_string();
    let authority: Authority = shops.parse().expect("an address is an authority");
    let upstream = Upstream::http1(authority);
    request.extensions_mut().insert(upstream);
    next.run(request).await
}

/// The shops of one cell, for gateways: only what has a gateway's token for this cell is served, and only of shops that live here
/// by what the cell itself knows.
pub fn cell_service(
    site: &Site,
    cell: CellId,
    keys: LiveKeyring,
) -> Option<impl Shops<Incoming> + use<>> {
    let (shops, checkout) = (site.cell(cell)?.clone(), site.checkout(cell)?.clone());
    let verifier = HopVerifier::new(keys.clone(), cell, SystemClock);
    let hints = HintSigner::new(keys, cell, SystemClock);
    let guard = EpochGuardLayer::new(Arc::clone(site.routes()), site.progress(), hints)
        .below(site.config().platform_domain.clone());
    let served = ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(Body::new))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(observe(Listener::Shops))
        .layer(BodyLimitLayer::bytes(LARGEST_BODY).respond_with(Answer))
        .map_request(|request: Request<_>| request.map(Body::new))
        .layer(HopVerifyLayer::new(verifier).respond_with(Answer))
        .layer(guard.respond_with(Answer))
        .layer(tenants(site).respond_with(Answer))
        .map_request(note_tenant)
        .service(shop::router(shops, checkout));
    Some(served)
}
