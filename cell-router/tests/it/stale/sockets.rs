//! The same over sockets: bodies that are on their way when the answer comes.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, uri::Authority};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tenancy_cell_router::{
    CellTransport, Cells, EdgeLayer, HintReader, ParkingLayer, ParkingLimits, Protocol, Proxy,
    Pseudonym, RouteLayer, Server, StaleRouteLayer, Stop, Timeouts, Upstream, says_fenced,
};
use tenancy_core::hop::{HopSignLayer, HopSigner};
use tenancy_types::{ManualClock, Route};
use tokio::{net::TcpListener, sync::watch};
use tower::{ServiceBuilder, ServiceExt as _};

use super::world::{Cell, Known, cell, placement, ring};

/// Serves a cell for as long as the sender is there.
async fn serve(cell: &Cell, stop: &watch::Sender<Stop>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = cell.service.clone();
    let service = service.map_request(|request: Request<Incoming>| {
        let whole = |error| -> Infallible { panic!("a body broke off: {error}") };
        request.map(|body| UnsyncBoxBody::new(body.map_err(whole)))
    });
    tokio::spawn(Server::new(listener).serve(service, stop.subscribe()));
    address
}

async fn serve_gateway(
    known: &Known,
    cells: [(SocketAddr, Protocol); 2],
    clock: &ManualClock,
    stop: &watch::Sender<Stop>,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = |(address, protocol): (SocketAddr, Protocol)| {
        let authority = Authority::try_from(address.to_string()).unwrap();
        let upstream = Upstream {
            authority,
            protocol,
        };
        Proxy::new(Timeouts::default()).with_upstreams(upstream)
    };
    let cells: Cells<_> = (1..).map(cell).zip(cells.map(proxy)).collect();
    let transport = CellTransport::new(cells)
        .with_placement(|extensions: &http::Extensions| Some(extensions.get::<Route>()?.placement));
    let table = || Arc::clone(&known.table);
    let reader = HintReader::new(ring(7), clock.clone());
    let limits = ParkingLimits::default();
    let service = ServiceBuilder::new()
        .layer(EdgeLayer::new(Pseudonym::new("gate").unwrap()))
        .layer(RouteLayer::new(table()))
        .layer(ParkingLayer::new(table(), limits, says_fenced))
        .layer(StaleRouteLayer::new(table(), known.clone(), reader))
        .layer(HopSignLayer::new(HopSigner::new(ring(7), clock.clone())))
        .service(transport);
    tokio::spawn(Server::new(listener).serve(service, stop.subscribe()));
    address
}

/// The tenant goes to and fro, and the gateway hears of it by hints alone. What each request came to: its status, and how
/// often it was carried out.
async fn to_and_fro(protocol: Protocol, body: &str) -> Vec<(u16, usize)> {
    let clock = ManualClock::default();
    let cells = [Cell::new(1, &clock), Cell::new(2, &clock)];
    let stop = watch::Sender::new(Stop::Not);
    let addresses = [serve(&cells[0], &stop).await, serve(&cells[1], &stop).await];
    let known = Known::new();
    let cells_by = addresses.map(|address| (address, protocol));
    let gateway = serve_gateway(&known, cells_by, &clock, &stop).await;
    let client: Client<HttpConnector, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let mut ends = Vec::new();
    for at in 0..40 {
        let now = placement(2 - at % 2, u32::from(at) + 2);
        cells.iter().for_each(|cell| cell.known.place(1, now));
        let body = format!("{at}: {body}");
        let request = Request::post(format!("http://{gateway}/")).header("host", "shop-1.example");
        let request = request.body(Full::from(body.clone())).unwrap();
        let answer = client.request(request).await.unwrap();
        let is_this = |done: &&String| **done == body;
        let done = cells
            .each_ref()
            .map(|cell| cell.state().done.iter().filter(is_this).count());
        ends.push((answer.status().as_u16(), done.iter().sum()));
    }
    let detours = ends.iter().filter(|end| end.0 == 200).count();
    let arrived = cells[0].arrived() + cells[1].arrived();
    assert_eq!(
        arrived,
        ends.len() + detours,
        "each asked the wrong cell first"
    );
    ends
}

#[tokio::test]
async fn small_bodies_follow_the_tenant() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let ends = to_and_fro(protocol, "x").await;
        assert!(
            ends.iter().all(|end| *end == (200, 1)),
            "{protocol:?} {ends:?}"
        );
    }
}

/// The first answer comes while the body is on its way: it follows if the connection has let go of it, and is refused
/// otherwise.
#[tokio::test]
async fn large_bodies_are_carried_out_once_or_refused() {
    let large = "x".repeat(60 << 10);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let ends = to_and_fro(protocol, &large).await;
        let is_clear = |end: &(u16, usize)| matches!(end, (200, 1) | (503, 0));
        assert!(ends.iter().all(is_clear), "{protocol:?} {ends:?}");
    }
}
