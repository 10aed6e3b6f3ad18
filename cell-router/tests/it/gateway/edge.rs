//! Fields, as an upstream and a client meet them.

use http::HeaderMap;

use super::{
    raw::RawUpstream,
    world::{Gateway, Setting},
};

/// What the upstream gets of a request, its fields below each other.
async fn sent(setting: Setting, request: &str) -> String {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::with(setting, upstream.address).await;
    let mut client = gateway.connect().await;
    client.send(request).await;
    upstream.accept().await.head().await
}

fn behind(proxies: &'static str) -> Setting {
    Setting {
        proxies,
        ..Setting::default()
    }
}

#[tokio::test]
async fn what_a_stranger_says_of_himself_is_dropped() {
    let seen = sent(
        Setting::default(),
        "GET / HTTP/1.1\r\nHost: a.example\r\nX-Forwarded-For: 10.9.9.9\r\nX-Forwarded-Host: b.example\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Prefix: /x\r\nForwarded: for=10.9.9.9\r\n\r\n",
    )
    .await;
    assert!(!seen.contains("10.9.9.9"), "{seen}");
    assert!(!seen.contains("b.example"), "{seen}");
    assert!(!seen.contains("https"), "{seen}");
    assert!(!seen.contains("prefix"), "{seen}");
    assert!(
        seen.contains("\r\nx-forwarded-for: 127.0.0.1\r\n"),
        "{seen}"
    );
    assert!(
        seen.contains("\r\nforwarded: for=127.0.0.1;host=\"a.example\";proto=http\r\n"),
        "{seen}"
    );
}

#[tokio::test]
async fn what_our_proxy_says_is_kept_and_added_to() {
    let seen = sent(
        behind("127.0.0.0/8"),
        "GET / HTTP/1.1\r\nHost: backend\r\nX-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Host: shop.example\r\n\
         X-Forwarded-Proto: https\r\nForwarded: for=192.0.2.9\r\nVia: 1.1 balancer\r\n\r\n",
    )
    .await;
    for line in [
        "host: backend",
        "x-forwarded-for: 192.0.2.9",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: shop.example",
        "x-forwarded-proto: https",
        "forwarded: for=192.0.2.9",
        "forwarded: for=127.0.0.1;host=\"shop.example\";proto=https",
        "via: 1.1 balancer",
        "via: 1.1 gate",
    ] {
        assert!(seen.contains(&format!("\r\n{line}\r\n")), "{line}: {seen}");
    }
}

#[tokio::test]
async fn what_is_for_one_hop_ends_here() {
    let seen = sent(
        Setting::default(),
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\nTE: gzip, trailers\r\nTrailer: X-Sum\r\nX-End: 1\r\n\r\n",
    )
    .await;
    for gone in ["x-hop", "keep-alive", "proxy-", "gzip"] {
        assert!(!seen.contains(gone), "{gone}: {seen}");
    }
    for kept in [
        "x-end: 1",
        "trailer: X-Sum",
        "te: trailers",
        "connection: te",
    ] {
        assert!(seen.contains(&format!("\r\n{kept}\r\n")), "{kept}: {seen}");
    }
}

#[tokio::test]
async fn hop_by_hop_fields_of_answers_end_here_too() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection
        .send(
            "HTTP/1.1 200 OK\r\nConnection: x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n\
             Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\nAccept-Ranges: bytes\r\nETag: \"1\"\r\n\
             Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        )
        .await;
    let seen = client.until("0\r\n\r\n").await;
    for gone in ["x-hop", "keep-alive", "proxy-", "content-length"] {
        assert!(!seen.contains(gone), "{gone}: {seen}");
    }
    for kept in [
        "vary: Accept-Encoding",
        "content-encoding: gzip",
        "accept-ranges: bytes",
        "etag: \"1\"",
        "via: 1.1 gate",
    ] {
        assert!(seen.contains(&format!("\r\n{kept}\r\n")), "{kept}: {seen}");
    }
}

#[tokio::test]
async fn a_range_and_its_answer_pass_untouched() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a.example\r\nRange: bytes=2-4\r\nIf-Range: \"1\"\r\nAccept-Encoding: br\r\n\r\n")
        .await;
    let mut connection = upstream.accept().await;
    let seen = connection.head().await;
    for kept in ["range: bytes=2-4", "if-range: \"1\"", "accept-encoding: br"] {
        assert!(seen.contains(&format!("\r\n{kept}\r\n")), "{kept}: {seen}");
    }
    connection
        .send("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/9\r\nContent-Length: 3\r\n\r\ncde")
        .await;
    let seen = client.until("cde").await;
    assert!(seen.starts_with("HTTP/1.1 206 "), "{seen}");
    assert!(
        seen.contains("\r\ncontent-range: bytes 2-4/9\r\n"),
        "{seen}"
    );
    assert!(seen.contains("\r\ncontent-length: 3\r\n"), "{seen}");
}

#[tokio::test]
async fn options_counts_down_and_ends_at_nought() {
    let options = |left: &str| {
        format!(
            "OPTIONS * HTTP/1.1\r\nHost: a.example\r\nMax-Forwards: {left}\r\nConnection: close\r\n\r\n"
        )
    };
    let seen = sent(Setting::default(), &options("3")).await;
    assert!(seen.contains("\r\nmax-forwards: 2\r\n"), "{seen}");
    assert!(seen.starts_with("OPTIONS * HTTP/1.1\r\n"), "{seen}");
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let answer = gateway.exchange(options("0")).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert!(answer.contains("\r\nallow: GET"), "{answer}");
    for left in ["-1", "x", "99999999999"] {
        let answer = gateway.exchange(options(left)).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{left}: {answer}");
    }
    assert!(upstream.accepted().is_none());
}

#[tokio::test]
async fn a_request_that_passed_no_edge_is_a_defect() {
    use http_body_util::Empty;
    use tenancy_cell_router::{Proxy, Timeouts, Upstream};
    use tower::ServiceExt as _;
    let proxy = Proxy::new(Timeouts::default());
    let request = || http::Request::new(Empty::<bytes::Bytes>::new());
    let answer = proxy.clone().oneshot(request()).await.unwrap();
    assert_eq!(answer.status(), 500);
    let proxy = proxy.with_upstreams(Upstream::http1("127.0.0.1:1".parse().unwrap()));
    let answer = proxy.oneshot(request()).await.unwrap();
    assert_eq!(answer.status(), 500);
    assert_eq!(answer.headers(), &{
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/problem+json".parse().unwrap());
        headers
    });
}
