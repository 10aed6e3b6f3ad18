//! Connections that leave HTTP.

use std::time::Duration;

use tenancy_cell_router::{Protocol, Stop, Timeouts};

use super::{
    raw::{Raw, RawUpstream},
    world::{Gateway, Setting},
};

const ASK: &str = "GET /socket HTTP/1.1\r\nHost: a.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

async fn upgraded(gateway: &Gateway, upstream: &mut RawUpstream) -> (Raw, Raw) {
    let mut client = gateway.connect().await;
    client.send(ASK).await;
    let mut connection = upstream.accept().await;
    let seen = connection.head().await;
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
    ] {
        assert!(seen.contains(&format!("\r\n{line}\r\n")), "{line}: {seen}");
    }
    connection.send(AGREE).await;
    let seen = client.head().await;
    assert!(seen.starts_with("HTTP/1.1 101 "), "{seen}");
    for line in [
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    ] {
        assert!(seen.contains(&format!("\r\n{line}\r\n")), "{line}: {seen}");
    }
    (client, connection)
}

#[tokio::test]
async fn a_websocket_echoes_until_it_is_closed() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let (mut client, mut connection) = upgraded(&gateway, &mut upstream).await;
    for word in ["\u{1}ping", "\u{1}again"] {
        client.send(word).await;
        connection.until(word).await;
        connection.send(word).await;
        client.until(word).await;
    }
    // Each direction ends alone.
    tokio::io::AsyncWriteExt::shutdown(&mut client.0)
        .await
        .unwrap();
    assert_eq!(connection.rest().await, "");
    connection.send("bye").await;
    drop(connection);
    assert_eq!(client.rest().await, "bye");
}

#[tokio::test]
async fn a_refusal_of_an_upgrade_is_an_answer_as_any_other() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client.send(ASK).await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection
        .send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        .await;
    let seen = client.until("\r\n\r\nno").await;
    assert!(seen.starts_with("HTTP/1.1 403 "), "{seen}");
}

#[tokio::test]
async fn an_upgrade_that_nobody_asked_for_is_502() {
    for (asked, agreed) in [
        ("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", AGREE),
        (
            ASK,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
        ),
        (ASK, "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ] {
        let mut upstream = RawUpstream::start().await;
        let gateway = Gateway::before(upstream.address).await;
        let mut client = gateway.connect().await;
        client.send(asked).await;
        let mut connection = upstream.accept().await;
        connection.head().await;
        connection.send(agreed).await;
        let seen = client.until("upstream_failed").await;
        assert!(seen.starts_with("HTTP/1.1 502 "), "{seen}");
        connection.closed().await;
    }
}

#[tokio::test]
async fn an_upgrade_over_http2_to_the_cell_is_501() {
    let mut upstream = RawUpstream::start().await;
    let setting = Setting {
        protocol: Protocol::Http2,
        ..Setting::default()
    };
    let gateway = Gateway::with(setting, upstream.address).await;
    let mut client = gateway.connect().await;
    client.send(ASK).await;
    let seen = client.until("upgrade_unavailable").await;
    assert!(seen.starts_with("HTTP/1.1 501 "), "{seen}");
    assert!(upstream.accepted().is_none());
}

#[tokio::test(start_paused = true)]
async fn silence_ends_it() {
    let mut upstream = RawUpstream::start().await;
    let setting = Setting {
        timeouts: Timeouts {
            idle: Duration::from_secs(3),
            ..Timeouts::default()
        },
        ..Setting::default()
    };
    let gateway = Gateway::with(setting, upstream.address).await;
    let (mut client, mut connection) = upgraded(&gateway, &mut upstream).await;
    client.send("ping").await;
    connection.until("ping").await;
    client.closed().await;
    connection.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_drains_waits_for_it_and_cuts_it_off_at_its_end() {
    let mut upstream = RawUpstream::start().await;
    let mut gateway = Gateway::before(upstream.address).await;
    let (mut client, mut connection) = upgraded(&gateway, &mut upstream).await;
    let began = tokio::time::Instant::now();
    gateway.stop.send_replace(Stop::Drain);
    client.send("ping").await;
    connection.until("ping").await;
    client.closed().await;
    connection.closed().await;
    (&mut gateway.serving).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 5, "the time to drain");
}
