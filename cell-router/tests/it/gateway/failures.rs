//! Upstreams and clients that fail, and those that take too long.

use std::{net::SocketAddr, time::Duration};

use tenancy_cell_router::{Protocol, Timeouts};
use tokio::net::TcpListener;

use super::{
    raw::RawUpstream,
    world::{Gateway, Setting},
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

fn impatient(turn: impl FnOnce(&mut Timeouts)) -> Setting {
    let mut setting = Setting::default();
    turn(&mut setting.timeouts);
    setting
}

#[tokio::test]
async fn nobody_there_is_503_with_a_time_to_come_back() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let setting = Setting {
            protocol,
            ..Setting::default()
        };
        let gateway = Gateway::with(setting, nobody().await).await;
        let answer = gateway.exchange(GET).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(
            answer.contains("\"code\":\"upstream_unreachable\""),
            "{answer}"
        );
        assert!(answer.contains("retry-after: 1"), "{answer}");
        assert!(!answer.contains("127.0.0.1"), "no host of ours: {answer}");
    }
}

/// A full queue of connections that nobody accepts: the kernel leaves further ones without an answer.
#[tokio::test]
async fn an_upstream_that_does_not_take_connections_is_504_in_time() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    loop {
        let connecting = tokio::net::TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(300), connecting).await {
            Ok(connected) => waiting.push(connected.unwrap()),
            Err(_) => break,
        }
    }
    let gateway = Gateway::with(
        impatient(|timeouts| timeouts.connect = Duration::from_millis(200)),
        address,
    )
    .await;
    let began = tokio::time::Instant::now();
    let answer = gateway.exchange(GET).await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert!(answer.contains("upstream_timeout"), "{answer}");
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn nonsense_and_silence_from_the_upstream_are_502() {
    for said in [
        "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ] {
        let mut upstream = RawUpstream::start().await;
        let gateway = Gateway::before(upstream.address).await;
        let mut client = gateway.connect().await;
        client.send(GET).await;
        let mut connection = upstream.accept().await;
        connection.head().await;
        connection.send(said).await;
        drop(connection);
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{said:?}: {answer}");
        assert!(answer.contains("\"code\":\"upstream_failed\""), "{answer}");
        assert!(upstream.accepted().is_none(), "{said:?}: sent twice");
    }
}

#[tokio::test]
async fn an_upstream_killed_in_the_middle_never_ends_the_body_well() {
    for (framing, part) in [
        ("Content-Length: 10", "abc"),
        ("Transfer-Encoding: chunked", "3\r\nabc\r\n"),
    ] {
        let mut upstream = RawUpstream::start().await;
        let gateway = Gateway::before(upstream.address).await;
        let mut client = gateway.connect().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .await;
        let mut connection = upstream.accept().await;
        connection.head().await;
        connection
            .send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n{part}"))
            .await;
        client.until("abc").await;
        drop(connection);
        let rest = client.rest().await;
        assert!(!rest.contains("0\r\n\r\n"), "a clean end: {rest:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_request_along() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    // Before the answer, and in the middle of it.
    for said in [
        "",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let mut client = gateway.connect().await;
        client
            .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            .await;
        let mut connection = upstream.accept().await;
        connection.head().await;
        connection.send(said).await;
        if !said.is_empty() {
            client.until("abc").await;
        }
        drop(client);
        connection.closed().await;
    }
}

#[tokio::test]
async fn a_client_that_closes_its_half_has_left() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.0)
        .await
        .unwrap();
    connection.closed().await;
    client.closed().await;
}

#[tokio::test]
async fn a_client_that_breaks_its_body_off_breaks_it_off_upstream() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send(
            "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        )
        .await;
    let mut connection = upstream.accept().await;
    connection.until("abc\r\n").await;
    drop(client);
    let rest = connection.rest().await;
    assert!(!rest.contains("0\r\n\r\n"), "a clean end: {rest:?}");
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_does_not_begin_to_answer_is_504() {
    let mut upstream = RawUpstream::start().await;
    let setting = impatient(|timeouts| timeouts.head = Duration::from_secs(3));
    let gateway = Gateway::with(setting, upstream.address).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let mut connection = upstream.accept().await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert!(answer.contains("\"code\":\"upstream_timeout\""), "{answer}");
    connection.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_go_on_sending_is_408() {
    let mut upstream = RawUpstream::start().await;
    let setting = impatient(|timeouts| timeouts.idle = Duration::from_secs(3));
    let gateway = Gateway::with(setting, upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nabc")
        .await;
    let mut connection = upstream.accept().await;
    let answer = client.rest().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("\"code\":\"client_timeout\""), "{answer}");
    connection.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_upload_may_take_longer_than_an_answer() {
    let mut upstream = RawUpstream::start().await;
    let setting = impatient(|timeouts| timeouts.head = Duration::from_secs(1));
    let gateway = Gateway::with(setting, upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\n")
        .await;
    let mut connection = upstream.accept().await;
    for sign in ["a", "b", "c"] {
        // The clock is paused: this lets it run, and waits for nothing.
        tokio::time::advance(Duration::from_secs(5)).await;
        client.send(sign).await;
        connection.until(sign).await;
    }
    connection
        .send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .await;
    client.until("200 OK").await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_falls_silent_breaks_off() {
    let mut upstream = RawUpstream::start().await;
    let setting = impatient(|timeouts| timeouts.idle = Duration::from_secs(3));
    let gateway = Gateway::with(setting, upstream.address).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .await;
    let answer = client.rest().await;
    assert!(answer.ends_with("3\r\nabc\r\n"), "{answer}");
    connection.closed().await;
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_goes_on_for_ever_ends_when_it_must() {
    let mut upstream = RawUpstream::start().await;
    let setting = impatient(|timeouts| timeouts.total = Some(Duration::from_secs(4)));
    let gateway = Gateway::with(setting, upstream.address).await;
    let mut client = gateway.connect().await;
    client.send(GET).await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection
        .send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await;
    client.head().await;
    for _ in 0..3 {
        connection.send("3\r\nabc\r\n").await;
        client.until("abc\r\n").await;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let rest = client.rest().await;
    assert_eq!(rest, "");
    connection.closed().await;
}
