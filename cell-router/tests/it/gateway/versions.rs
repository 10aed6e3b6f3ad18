//! HTTP/1.1 and HTTP/2 on either side.

use axum::{Router, body::Body, routing::any};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Method, Request, Version};
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tenancy_cell_router::Protocol::{self, Http1, Http2};
use tokio::net::TcpStream;

use super::{
    raw::RawUpstream,
    world::{Gateway, Setting, client, upstream},
};

async fn gateway(protocol: Protocol, router: Router) -> Gateway {
    let setting = Setting {
        protocol,
        ..Setting::default()
    };
    Gateway::with(setting, upstream(router).await).await
}

/// Tells what it got, and sends its trailers back.
async fn mirror(request: Request<Body>) -> http::Response<Body> {
    let (version, host) = (request.version(), request.headers().get("host").cloned());
    let authority = request.uri().authority().map(ToString::to_string);
    let collected = request.into_body().collect().await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let body = collected.to_bytes();
    let frames = stream::iter([
        Ok::<_, std::convert::Infallible>(Frame::data(body)),
        Ok(Frame::trailers(trailers)),
    ]);
    http::Response::builder()
        .header("x-version", format!("{version:?}"))
        .header("x-host", host.unwrap_or(HeaderValue::from_static("none")))
        .header("x-authority", authority.unwrap_or("none".to_owned()))
        .header("trailer", "x-sum")
        .body(Body::new(StreamBody::new(frames)))
        .unwrap()
}

fn upload(
    url: &str,
) -> Request<impl http_body::Body<Data = Bytes, Error = std::io::Error> + Send + Unpin + use<>> {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("9"));
    let frames = stream::iter([
        Ok(Frame::data(Bytes::from_static(b"abc"))),
        Ok(Frame::trailers(trailers)),
    ]);
    Request::post(url)
        .header("te", "trailers")
        .header("trailer", "x-sum")
        .body(StreamBody::new(frames))
        .unwrap()
}

#[tokio::test]
async fn bodies_trailers_and_the_host_pass_between_all_versions() {
    for (outside, inside) in [
        (Http1, Http1),
        (Http1, Http2),
        (Http2, Http1),
        (Http2, Http2),
    ] {
        let gateway = gateway(inside, Router::new().fallback(any(mirror))).await;
        let answer = client(outside)
            .request(upload(&gateway.url("/x")))
            .await
            .unwrap();
        let host = gateway.address.to_string();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        match inside {
            Http1 => {
                assert_eq!(
                    (header("x-version"), header("x-host")),
                    ("HTTP/1.1".into(), host)
                );
                assert_eq!(header("x-authority"), "none");
            }
            Http2 => {
                assert_eq!(
                    (header("x-version"), header("x-authority")),
                    ("HTTP/2.0".into(), host)
                );
                assert_eq!(header("x-host"), "none");
            }
        }
        assert_eq!(
            header("via"),
            if inside == Http2 {
                "2 gate"
            } else {
                "1.1 gate"
            }
        );
        let collected = answer.into_body().collect().await.unwrap();
        let sum = collected
            .trailers()
            .and_then(|trailers| trailers.get("x-sum"));
        assert_eq!(sum.unwrap(), "9", "{outside:?} to {inside:?}");
        assert_eq!(collected.to_bytes(), "abc");
    }
}

#[tokio::test]
async fn many_requests_share_one_http2_connection() {
    let router = Router::new().fallback(any(async |request: Request<Body>| {
        let info = request
            .extensions()
            .get::<tenancy_cell_router::ConnectionInfo>();
        info.unwrap().peer().to_string()
    }));
    let gateway = gateway(Http2, router).await;
    let client = client::<Empty<Bytes>>(Http2);
    let requests = (0..50).map(|_| client.get(gateway.url("/").parse().unwrap()));
    let mut peers = std::collections::HashSet::new();
    for answer in futures_util::future::join_all(requests).await {
        peers.insert(super::world::text(answer.unwrap()).await);
    }
    assert_eq!(peers.len(), 1, "{peers:?}");
}

#[tokio::test]
async fn an_http2_upstream_that_restarts_is_found_again() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = |listener| {
        let (stop, stopped) = tokio::sync::watch::channel(tenancy_cell_router::Stop::Not);
        let service = tower::service_fn(async |_: Request<hyper::body::Incoming>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(String::from("here")))
        });
        let server = tenancy_cell_router::Server::new(listener);
        (stop, tokio::spawn(server.serve(service, stopped)))
    };
    let (stop, serving) = serve(listener);
    let setting = Setting {
        protocol: Http2,
        ..Setting::default()
    };
    let gateway = Gateway::with(setting, address).await;
    let client = client::<Empty<Bytes>>(Http1);
    let get = || client.get(gateway.url("/").parse().unwrap());
    assert_eq!(get().await.unwrap().status(), 200);
    stop.send_replace(tenancy_cell_router::Stop::Now);
    serving.await.unwrap();
    let gone = get().await.unwrap().status();
    assert!(gone == 503 || gone == 502, "{gone}");
    let (_stop, _serving) = serve(tokio::net::TcpListener::bind(address).await.unwrap());
    assert_eq!(get().await.unwrap().status(), 200);
}

/// A request over HTTP/2 by the bare connection, for what a client with good manners would not send.
async fn status_over_http2(
    gateway: &Gateway,
    request: Request<Full<Bytes>>,
) -> Result<u16, hyper::Error> {
    let io = TokioIo::new(TcpStream::connect(gateway.address).await.unwrap());
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io);
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.status().as_u16())
}

fn post() -> http::request::Builder {
    Request::post("http://a.example/").version(Version::HTTP_2)
}

#[tokio::test]
async fn what_http2_must_not_carry_is_refused() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let body = || Full::from("abc");
    let request = post().header("host", "b.example").body(body()).unwrap();
    let status = status_over_http2(&gateway, request).await;
    assert_eq!(status.unwrap(), 400, "a host that differs from :authority");
    let lengths = post()
        .header("content-length", "3")
        .header("content-length", "4");
    let status = status_over_http2(&gateway, lengths.body(body()).unwrap()).await;
    assert!(status.is_err(), "two lengths: h2 resets the stream");
    // The extended CONNECT of WebSocket over HTTP/2 (RFC 8441), which was not offered.
    let mut request = post().method(Method::CONNECT).body(body()).unwrap();
    request
        .extensions_mut()
        .insert(hyper::ext::Protocol::from_static("websocket"));
    let refused = status_over_http2(&gateway, request).await;
    assert!(refused.is_err() || refused.unwrap() == 405);
    let request = Request::connect("a.example:443").body(Full::default());
    let request = request.unwrap();
    assert_eq!(status_over_http2(&gateway, request).await.unwrap(), 405);
    assert!(upstream.accepted().is_none());
}

#[tokio::test]
async fn a_length_that_is_not_the_bodys_never_makes_a_whole_request() {
    for length in ["2", "4"] {
        let mut upstream = RawUpstream::start().await;
        let gateway = Gateway::before(upstream.address).await;
        let request = post().header("content-length", length);
        let request = request.body(Full::from("abc")).unwrap();
        let status = status_over_http2(&gateway, request).await;
        assert!(
            !status.as_ref().is_ok_and(|status| *status < 400),
            "{length}: {status:?}"
        );
        let Some(mut connection) = upstream.accepted() else {
            continue;
        };
        let seen = connection.rest().await;
        let (head, body) = seen.split_once("\r\n\r\n").unwrap_or((&seen, ""));
        assert!(
            head.contains(&format!("content-length: {length}")),
            "{seen}"
        );
        assert!(body.len() < length.parse().unwrap(), "{length}: {seen}");
    }
}
