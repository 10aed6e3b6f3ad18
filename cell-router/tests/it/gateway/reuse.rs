//! Connections that are used again.

use super::{raw::RawUpstream, world::Gateway};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

fn request(method: &str) -> String {
    format!("{method} / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn one_connection_serves_requests_of_several_clients() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut first = gateway.connect().await;
    first.send(request("GET")).await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection.send(OK).await;
    first.until("200 OK").await;
    let mut second = gateway.connect().await;
    second.send(request("POST")).await;
    connection.head().await;
    connection.send(OK).await;
    second.until("200 OK").await;
    assert!(upstream.accepted().is_none());
}

/// An upstream that closes a connection at the moment a request is sent on it.
async fn stale(method: &str) -> (String, bool) {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client.send(request("GET")).await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection.send(OK).await;
    client.until("200 OK").await;
    client.send(request(method)).await;
    connection.head().await;
    drop(connection);
    let answered = async {
        let mut again = upstream.accept().await;
        again.head().await;
        again.send(OK).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        head = client.head() => (head, upstream.accepted().is_some()),
        () = answered => unreachable!("it waits for ever"),
    }
}

#[tokio::test]
async fn what_has_no_effect_twice_is_sent_again_after_a_stale_connection() {
    for method in ["GET", "DELETE", "PUT"] {
        let (head, _) = stale(method).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{method}: {head}");
    }
}

#[tokio::test]
async fn what_may_have_been_done_is_not_sent_again() {
    let (head, _) = stale("POST").await;
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
}

#[tokio::test]
async fn a_new_connection_that_breaks_is_no_stale_one() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client.send(request("GET")).await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    drop(connection);
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 502 "), "{head}");
    assert!(upstream.accepted().is_none(), "sent twice");
}

#[tokio::test]
async fn a_connection_with_an_unread_answer_is_not_used_again() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::before(upstream.address).await;
    let mut client = gateway.connect().await;
    client.send(request("GET")).await;
    let mut connection = upstream.accept().await;
    connection.head().await;
    connection
        .send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        .await;
    client.until("abc").await;
    drop(client);
    let mut other = gateway.connect().await;
    other.send(request("GET")).await;
    let mut fresh = upstream.accept().await;
    fresh.head().await;
    assert_eq!(
        connection.rest().await,
        "",
        "a second request on a broken connection"
    );
}
