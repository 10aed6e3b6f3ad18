//! Clients that do not do what they should before HTTP begins.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use rustls::ClientConnection;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};

use super::{
    super::raw::Raw,
    world::{AUTHORITY, TlsGateway, ask, client},
};

fn folder() -> Arc<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    AUTHORITY.issue(&["a.example"]).put(folder.path(), "a");
    Arc::new(folder)
}

/// The first message of a client.
fn hello() -> Vec<u8> {
    let name = "a.example".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(client(&[])), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn plain_http_is_answered_with_an_alert() {
    let gateway = TlsGateway::over(&folder()).await;
    for said in [
        "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\0\0\0\0\0\0\0\0",
    ] {
        let mut visitor = TcpStream::connect(gateway.address).await.unwrap();
        visitor.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A reset is an end, too.
        let _ = visitor.read_to_end(&mut answer).await;
        // Record type 21 is an alert (RFC 8446, section 5.1).
        assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    }
    let stream = gateway.connect("a.example").await.unwrap();
    assert_eq!(ask(stream, "a.example").await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_takes_too_long_is_cut() {
    let limit = Duration::from_secs(3);
    let gateway = TlsGateway::with(&folder(), |it| it, |it| it.with_time_limit(limit)).await;
    let hello = hello();
    for said in [0, 1, 5, hello.len() - 1, hello.len()] {
        let began = Instant::now();
        let mut visitor = Raw::connect(gateway.address).await;
        visitor.send(&hello[..said]).await;
        visitor.closed().await;
        let took = began.elapsed().as_secs();
        assert!((3..=4).contains(&took), "{said} bytes: {took} s");
    }
}

#[tokio::test(start_paused = true)]
async fn so_many_shake_hands_at_a_time() {
    let limit = Duration::from_secs(5);
    let gateway = TlsGateway::with(
        &folder(),
        |it| it,
        |it| it.with_handshakes(1).with_time_limit(limit),
    )
    .await;
    // Who says nothing, or half of it, takes nobody's place.
    let mut silent = Vec::new();
    for said in [0, 50] {
        let mut visitor = Raw::connect(gateway.address).await;
        visitor.send(&hello()[..said]).await;
        silent.push(visitor);
    }
    let began = Instant::now();
    let stream = gateway.connect("a.example").await.unwrap();
    assert_eq!(ask(stream, "a.example").await.0, StatusCode::OK);
    assert!(began.elapsed() < Duration::from_secs(1));
    // Who has said hello and stops there holds the one place until its time is over.
    let mut holder = Raw::connect(gateway.address).await;
    holder.send(hello()).await;
    let mut answer = [0; 1];
    holder.0.read_exact(&mut answer).await.unwrap();
    let held = Instant::now();
    tokio::time::advance(Duration::from_secs(1)).await;
    let stream = gateway.connect("a.example").await.unwrap();
    let waited = held.elapsed().as_secs();
    assert!((4..=5).contains(&waited), "{waited} s");
    assert_eq!(ask(stream, "a.example").await.0, StatusCode::OK);
}
