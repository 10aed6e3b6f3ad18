//! Bodies on their way, in both directions.

use std::{fs, time::Duration};

use axum::{Router, body::Body, routing::any};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::Frame;
use tenancy_cell_router::Protocol;

use super::{
    raw::RawUpstream,
    world::{Gateway, Setting, client, upstream},
};

const MEGABYTE: u64 = 1 << 20;

#[tokio::test]
async fn an_event_arrives_while_the_stream_stays_open() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("GET /events HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection
        .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client.head().await;
    for event in ["one", "two"] {
        connection
            .send(format!("d\r\ndata: {event}\r\n\r\n\r\n"))
            .await;
        client.until(event).await;
    }
}

#[tokio::test]
async fn the_first_half_of_a_request_arrives_before_the_second_is_sent() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\n\r\nabc")
        .await;
    let mut connection = upstream.accept().await;
    connection.until("abc").await;
    client.send("def").await;
    connection.until("def").await;
}

#[tokio::test]
async fn trailers_pass_in_both_directions() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send(
            "POST / HTTP/1.1\r\nHost: a.example\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
             3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n",
        )
        .await;
    let mut connection = upstream.accept().await;
    let seen = connection.until("x-sum: 1\r\n\r\n").await;
    assert!(seen.contains("\r\nabc\r\n0\r\n"), "{seen}");
    connection
        .send(
            "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
             3\r\ndef\r\n0\r\nX-Sum: 2\r\n\r\n",
        )
        .await;
    client.until("x-sum: 2\r\n\r\n").await;
}

#[tokio::test]
async fn a_body_waits_for_the_upstreams_word() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        .await;
    let mut connection = upstream.accept().await;
    let head = connection.head().await;
    assert!(head.contains("\r\nexpect: 100-continue\r\n"), "{head}");
    connection.send("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.until("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("abc").await;
    connection.until("abc").await;
    connection
        .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    client.until("HTTP/1.1 200 OK").await;
}

#[tokio::test]
async fn an_upload_that_is_refused_is_never_sent() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        .await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection
        .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        .await;
    let seen = client.until("\r\n\r\nno").await;
    assert!(seen.starts_with("HTTP/1.1 403"), "{seen}");
    assert_eq!(
        connection.rest().await,
        "",
        "the connection is of no more use"
    );
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_gives_no_word_gets_the_body_anyway() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
        .await;
    upstream.accept().await.until("abc").await;
}

#[tokio::test]
async fn other_words_before_the_answer_are_no_answer() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection
        .send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .await;
    let seen = client.until("\r\n\r\nok").await;
    assert!(seen.starts_with("HTTP/1.1 200 OK"), "{seen}");
    assert!(!seen.contains("link"), "{seen}");
}

#[tokio::test]
async fn answers_without_bodies_leave_the_connection_in_step() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    let mut connection = None;
    for (method, answer, expected) in [
        ("HEAD", "200 OK\r\nContent-Length: 5", "content-length: 5"),
        ("GET", "204 No Content", "HTTP/1.1 204"),
        (
            "GET",
            "304 Not Modified\r\nETag: \"1\"\r\nContent-Length: 5",
            "etag: \"1\"",
        ),
        (
            "GET",
            "200 OK\r\nContent-Length: 0\r\nX-Last: 1",
            "x-last: 1",
        ),
    ] {
        client
            .send(format!("{method} / HTTP/1.1\r\nHost: a.example\r\n\r\n"))
            .await;
        let connection = match &mut connection {
            Some(connection) => connection,
            none => none.insert(upstream.accept().await),
        };
        connection.head().await;
        connection.send(format!("HTTP/1.1 {answer}\r\n\r\n")).await;
        let seen = client.head().await;
        assert!(
            seen.starts_with(&format!("HTTP/1.1 {}", &answer[..3])),
            "{seen}"
        );
        assert!(seen.contains(expected), "{seen}");
        assert!(seen.ends_with("\r\n\r\n"), "{seen}");
    }
    assert!(upstream.accepted().is_none(), "one connection served all");
}

/// Kilobytes of this process that are in memory.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

fn megabytes(count: u64) -> impl futures_util::Stream<Item = Result<Frame<Bytes>, std::io::Error>> {
    let piece = Bytes::from(vec![7; MEGABYTE as usize / 16]);
    stream::iter(0..count * 16).map(move |_| Ok(Frame::data(piece.clone())))
}

/// Upload and download of so many megabytes at once, counted where they arrive; the most kilobytes in memory.
async fn echo(protocol: Protocol, count: u64) -> u64 {
    let router = Router::new().fallback(any(async |request: Request<Body>| request.into_body()));
    let setting = Setting {
        protocol,
        ..Setting::default()
    };
    let gateway = Gateway::with(setting, upstream(router).await).await;
    let body = StreamBody::new(Box::pin(megabytes(count)));
    let request = Request::post(gateway.url("/")).body(body).unwrap();
    let mut body = client(protocol).request(request).await.unwrap().into_body();
    let (mut seen, mut most) = (0, 0);
    while let Some(frame) = body.frame().await {
        seen += frame
            .unwrap()
            .into_data()
            .map_or(0, |data| data.len() as u64);
        most = most.max(resident());
    }
    assert_eq!(seen, count * MEGABYTE);
    most
}

#[tokio::test]
async fn a_hundred_megabytes_take_no_more_memory_than_ten() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let small = echo(protocol, 10).await;
        let large = echo(protocol, 100).await;
        assert!(large < small + 16 * 1024, "{small} KiB, then {large} KiB");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_holds_the_upstream_back() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection
        .send("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        .await;
    let piece = vec![7; MEGABYTE as usize];
    let mut taken = 0;
    // The sockets' buffers are some megabytes; a gateway that read on would take all.
    while let Ok(written) = tokio::time::timeout(
        Duration::from_millis(500),
        tokio::io::AsyncWriteExt::write(&mut connection.0, &piece),
    )
    .await
    {
        taken += written.unwrap();
        assert!(
            taken < 64 << 20,
            "{taken} bytes were taken for a client that takes none"
        );
    }
    assert!(taken > 0);
}

#[tokio::test]
async fn an_empty_body_is_sent_as_none() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let request = Request::builder().method(Method::GET).uri(gateway.url("/"));
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let sent = tokio::spawn(client(Protocol::Http2).request(request));
    let mut connection = upstream.accept().await;
    let head = connection.head().await;
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    connection.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(sent.await.unwrap().unwrap().status(), 204);
}
