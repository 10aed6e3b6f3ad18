//! Load balancers that say whose their connections are.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use tenancy_cell_router::{
    ConnectionInfo, EdgeLayer, ProxyProtocol, Pseudonym, Server, ServerLimits, Stop,
};
use tokio::{net::TcpListener, sync::watch, time::Instant};
use tower::Layer as _;

use super::raw::Raw;

struct Told {
    address: SocketAddr,
    _stop: watch::Sender<Stop>,
}

/// Answers with what it knows of the client.
async fn start(proxies: &str) -> Told {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = ProxyProtocol::new(listener, proxies.parse().unwrap())
        .with_time_limit(Duration::from_secs(2));
    let service = tower::service_fn(async |request: Request<Incoming>| {
        let info = request.extensions().get::<ConnectionInfo>().unwrap();
        let forwarded = request.headers().get("forwarded").unwrap();
        let said = format!(
            "{} {} {}",
            info.peer(),
            info.local(),
            forwarded.to_str().unwrap()
        );
        Ok::<_, Infallible>(Response::new(said))
    });
    let service = EdgeLayer::new(Pseudonym::new("gate").unwrap()).layer(service);
    let (stop, stopped) = watch::channel(Stop::Not);
    let server = Server::new(acceptor).with_limits(ServerLimits::default());
    tokio::spawn(server.serve(service, stopped));
    Told {
        address,
        _stop: stop,
    }
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

pub(super) fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let mut bytes = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    bytes.extend([command, family]);
    bytes.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
    bytes.extend(rest);
    bytes
}

/// 192.0.2.1:56324 to 198.51.100.7:443.
pub(super) const V4: [u8; 12] = [192, 0, 2, 1, 198, 51, 100, 7, 0xdc, 0x04, 0x01, 0xbb];

#[tokio::test]
async fn the_clients_address_takes_the_connections_place() {
    let told = start("127.0.0.0/8").await;
    let tls = [&V4[..], &[0x20, 0, 5, 1, 0, 0, 0, 0]].concat();
    for (rest, proto) in [(&V4[..], "http"), (&tls, "https")] {
        let mut client = Raw::connect(told.address).await;
        client.send(header(0x21, 0x11, rest)).await;
        client.send(GET).await;
        let said = client.rest().await;
        let expect = format!(
            "192.0.2.1:56324 198.51.100.7:443 for=192.0.2.1;host=\"a.example\";proto={proto}"
        );
        assert!(said.ends_with(&expect), "{said}");
    }
}

#[tokio::test]
async fn a_header_may_come_in_any_pieces() {
    let told = start("127.0.0.0/8").await;
    let bytes = [&header(0x21, 0x11, &V4)[..], GET].concat();
    for split in 0..bytes.len() {
        let mut client = Raw::connect(told.address).await;
        client.send(&bytes[..split]).await;
        tokio::task::yield_now().await;
        client.send(&bytes[split..]).await;
        let said = client.rest().await;
        assert!(said.contains("192.0.2.1:56324"), "split at {split}: {said}");
    }
}

#[tokio::test]
async fn probes_of_the_proxy_keep_their_address() {
    let told = start("127.0.0.0/8").await;
    for (command, family) in [(0x20, 0x00), (0x20, 0x11), (0x21, 0x00)] {
        let mut client = Raw::connect(told.address).await;
        client.send(header(command, family, &V4)).await;
        client.send(GET).await;
        let own = client.0.local_addr().unwrap();
        let said = client.rest().await;
        assert!(said.contains(&format!("{own} {}", told.address)), "{said}");
    }
}

#[tokio::test]
async fn a_proxy_that_says_nothing_of_its_client_is_closed() {
    let told = start("127.0.0.0/8").await;
    let broken = header(0x21, 0x11, &V4[..11]);
    let cases = [
        GET,
        b"PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n",
        &broken,
    ];
    for said in cases {
        let mut client = Raw::connect(told.address).await;
        client.send(said).await;
        assert_eq!(client.rest().await, "");
    }
}

#[tokio::test(start_paused = true)]
async fn a_proxy_that_does_not_finish_is_closed() {
    let told = start("127.0.0.0/8").await;
    let header = header(0x21, 0x11, &V4);
    for said in [0, 1, 15, 16, header.len() - 1] {
        let began = Instant::now();
        let mut client = Raw::connect(told.address).await;
        client.send(&header[..said]).await;
        client.closed().await;
        let took = began.elapsed().as_secs();
        assert!((2..=3).contains(&took), "{said} bytes: {took} s");
    }
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let told = start("10.0.0.0/8").await;
    let mut honest = Raw::connect(told.address).await;
    honest.send(GET).await;
    let said = honest.rest().await;
    assert!(said.contains("for=127.0.0.1;"), "{said}");
    let mut liar = Raw::connect(told.address).await;
    liar.send(header(0x21, 0x11, &V4)).await;
    liar.send(GET).await;
    let said = liar.rest().await;
    assert!(
        said.is_empty() || said.starts_with("HTTP/1.1 400 "),
        "{said}"
    );
}
