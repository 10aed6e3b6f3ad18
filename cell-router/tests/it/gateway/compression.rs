//! Answers that are made smaller, by an independent decoder's account.

use std::{
    convert::Infallible,
    io::Write as _,
    process::{Command, Stdio},
};

use axum::body::{Body, Bytes};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use tenancy_cell_router::CompressionLayer;
use tokio::{sync::mpsc, time::timeout};
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::raw::PATIENCE;

/// What is answered, and what becomes of it for a client that takes these encodings.
async fn answered(
    method: Method,
    accepts: &str,
    answer: impl Fn() -> Response<Body> + Clone + Send + 'static,
) -> Response<tenancy_cell_router::CompressedBody<Body>> {
    let service = service_fn(move |_: Request<Body>| {
        let answer = answer();
        async move { Ok::<_, Infallible>(answer) }
    });
    let mut request = Request::builder().method(method);
    if !accepts.is_empty() {
        request = request.header("accept-encoding", accepts);
    }
    let request = request.body(Body::empty()).unwrap();
    let service = CompressionLayer::new().layer(service);
    service.oneshot(request).await.unwrap()
}

fn page() -> Response<Body> {
    let page = "<p>the same again</p>".repeat(500);
    Response::builder()
        .header("content-type", "text/html; charset=utf-8")
        .header("content-length", page.len())
        .header("accept-ranges", "bytes")
        .header("etag", "\"v1\"")
        .body(page.into())
        .unwrap()
}

fn field<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_page_is_sent_as_the_client_prefers() {
    let plain = page().into_body().collect().await.unwrap().to_bytes();
    for (accepts, encoding) in [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0.1, gzip;q=0.9", "gzip"),
        ("deflate, zstd", ""),
        ("br;q=0, gzip", "gzip"),
        ("identity", ""),
        ("", ""),
        // Whoever refuses everything is answered all the same: the work has been done.
        ("identity;q=0", ""),
        ("*;q=0", ""),
    ] {
        let response = answered(Method::GET, accepts, page).await;
        assert_eq!(response.status(), StatusCode::OK, "{accepts}");
        let headers = response.headers().clone();
        assert_eq!(field(&headers, "content-encoding"), encoding, "{accepts}");
        assert_eq!(field(&headers, "vary"), "accept-encoding", "{accepts}");
        let is_plain = encoding.is_empty();
        assert_eq!(field(&headers, "etag") == "\"v1\"", is_plain, "{accepts}");
        assert_eq!(headers.contains_key("content-length"), is_plain);
        assert_eq!(headers.contains_key("accept-ranges"), is_plain);
        let sent = response.into_body().collect().await.unwrap().to_bytes();
        if is_plain {
            assert_eq!(sent, plain);
        } else {
            assert!(sent.len() < plain.len() / 10, "{} bytes", sent.len());
        }
        if encoding == "gzip" {
            assert_eq!(gunzip(&sent), plain);
        }
    }
}

/// By the system's gzip, which is not what encoded it.
fn gunzip(encoded: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    gzip.stdin.take().unwrap().write_all(encoded).unwrap();
    let decoded = gzip.wait_with_output().unwrap();
    assert!(decoded.status.success());
    decoded.stdout
}

#[tokio::test]
async fn what_must_not_change_does_not() {
    let with = |name: &'static str, value: &'static str| {
        move || {
            let mut page = page();
            page.headers_mut().insert(name, value.parse().unwrap());
            page
        }
    };
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-type", "application/grpc"),
        ("content-type", "text/event-stream"),
        ("content-encoding", "br"),
        ("content-range", "bytes 0-10499/20000"),
        ("cache-control", "public, no-transform"),
        ("repr-digest", "sha-256=:AA==:"),
    ] {
        let response = answered(Method::GET, "gzip, br", with(name, value)).await;
        let headers = response.headers();
        assert_eq!(headers, with(name, value)().headers(), "{name}: {value}");
    }
    for status in [204, 206, 304] {
        let other = move || {
            let mut page = page();
            *page.status_mut() = StatusCode::from_u16(status).unwrap();
            page
        };
        let response = answered(Method::GET, "gzip, br", other).await;
        assert_eq!(response.headers(), page().headers(), "{status}");
    }
    let small = || {
        Response::builder()
            .header("content-type", "text/html")
            .body("x".into())
    };
    let response = answered(Method::GET, "gzip, br", move || small().unwrap()).await;
    assert_eq!(response.headers(), small().unwrap().headers());
}

#[tokio::test]
async fn head_tells_what_get_would() {
    let head = || {
        let (parts, _) = page().into_parts();
        Response::from_parts(parts, Body::empty())
    };
    for accepts in ["gzip, br", ""] {
        let response = answered(Method::HEAD, accepts, head).await;
        let headers = response.headers();
        assert_eq!(field(headers, "content-encoding"), "", "{accepts}");
        assert_eq!(field(headers, "content-length"), "", "{accepts}");
        assert_eq!(field(headers, "vary"), "accept-encoding", "{accepts}");
    }
    let image = move || {
        let mut image = head();
        let kind = image.headers_mut().get_mut("content-type").unwrap();
        *kind = "image/png".parse().unwrap();
        image
    };
    let response = answered(Method::HEAD, "gzip, br", image).await;
    assert_eq!(field(response.headers(), "content-length"), "10500");
}

/// A page whose rest comes later, as with a server that renders while it sends.
#[tokio::test]
async fn what_the_cell_has_sent_is_not_held_back() {
    for accepts in ["gzip", "br"] {
        let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(1);
        let receiver = std::sync::Mutex::new(Some(receiver));
        let receiver = std::sync::Arc::new(receiver);
        let response = answered(Method::GET, accepts, move || {
            let mut receiver = receiver.lock().unwrap().take().unwrap();
            let stream = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
            Response::builder()
                .header("content-type", "text/html")
                .body(Body::from_stream(stream))
                .unwrap()
        })
        .await;
        assert_eq!(field(response.headers(), "content-encoding"), accepts);
        let mut body = response.into_body();
        let first = "<p>the beginning</p>".repeat(5);
        sender.send(Ok(first.into())).await.unwrap();
        let mut seen = 0;
        // An encoder's own first bytes say nothing of the page.
        while seen < 20 {
            let frame = timeout(PATIENCE, body.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("{accepts}: {seen} bytes, then nothing"));
            seen += frame.unwrap().unwrap().into_data().unwrap().len();
        }
        drop(sender);
        body.collect().await.unwrap();
    }
}
