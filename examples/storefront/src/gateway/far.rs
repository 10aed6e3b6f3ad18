//! The way of a request between a gateway's process and a cell's.

use axum::{
    body::Body,
    extract::State,
    middleware::{self, Next},
    response::Response,
};
use http::{Request, uri::Authority};
use hyper::body::Incoming;
use tenancy_cell_router::{BodyLimitLayer, Error, Proxy, Timeouts, Upstream};
use tenancy_core::hop::{HopClaim, HopSignLayer, HopSigner, HopVerifier, HopVerifyLayer};
use tenancy_types::{CellId, Placement, Respond, Route, TenantId};
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
pub fn service(
    site: &Site,
    endpoints: Endpoints,
    signer: HopSigner,
) -> impl Shops<Incoming> + use<> {
    let proxy = Proxy::<Body>::new(Timeouts::default()).with_respond(Answer);
    let cells = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(endpoints, find_upstream))
        .layer(HopSignLayer::new(signer))
        .map_response(|response: Response<_>| response.map(Body::new))
        .service(proxy);
    at_the_edge(limited(site, cells))
}

/// Leaves with the request where it goes, and what its token says.
async fn find_upstream(
    State(endpoints): State<Endpoints>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let found = request.extensions();
    let found = (found.get().copied(), found.get().copied());
    let (Some(tenant), Some(placement)): (Option<TenantId>, Option<Placement>) = found else {
        return Answer.respond(&Error::NoPlacement, request.headers());
    };
    let cell = placement.cell;
    let Some(endpoint) = endpoints.find(cell) else {
        return Answer.respond(&Error::CellUnavailable { cell }, request.headers());
    };
    let shops = endpoint.shops.to_string();
    let authority: Authority = shops.parse().expect("an address is an authority");
    let extensions = request.extensions_mut();
    extensions.insert(Upstream::http1(authority));
    extensions.insert(Route { tenant, placement });
    next.run(request).await
}

/// The shops of one cell, for gateways: only what has a gateway's token for this cell is served.
pub fn cell_service(
    site: &Site,
    cell: CellId,
    verifier: HopVerifier,
) -> Option<impl Shops<Incoming> + use<>> {
    let (shops, checkout) = (site.cell(cell)?.clone(), site.checkout(cell)?.clone());
    let served = ServiceBuilder::new()
        .map_request(|request: Request<Incoming>| request.map(Body::new))
        .map_response(|response: Response<_>| response.map(Body::new))
        .layer(observe(Listener::Shops))
        .layer(BodyLimitLayer::bytes(LARGEST_BODY).respond_with(Answer))
        .map_request(|request: Request<_>| request.map(Body::new))
        .layer(HopVerifyLayer::new(verifier).respond_with(Answer))
        .layer(tenants(site).respond_with(Answer))
        .map_request(note_tenant)
        .layer(middleware::from_fn(compare))
        .service(shop::router(shops, checkout));
    Some(served)
}

/// The cell finds the tenant by itself, and serves nobody of whom the gateway says something else.
async fn compare(request: Request<Body>, next: Next) -> Response {
    let found: Option<&TenantId> = request.extensions().get();
    let told: Option<&HopClaim> = request.extensions().get();
    match (found, told) {
        (Some(&found), Some(told)) if told.tenant == found => next.run(request).await,
        (found, Some(told)) => {
            tracing::error!(
                ?found,
                ?told,
                "a gateway and this cell disagree on whose a host is"
            );
            let cell = told.placement.cell;
            Answer.respond(&Error::CellUnavailable { cell }, request.headers())
        }
        (_, None) => Answer.respond(&Error::NoPlacement, request.headers()),
    }
}
