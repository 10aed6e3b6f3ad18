//! What is too large.

use tenancy_cell_router::ServerLimits;

use super::{
    raw::RawUpstream,
    world::{Gateway, Setting},
};

fn small() -> Setting {
    Setting {
        most: 10,
        longest_target: 20,
        limits: ServerLimits {
            head_bytes: 8 * 1024,
            fields: 8,
            ..ServerLimits::default()
        },
        ..Setting::default()
    }
}

#[track_caller]
fn check(answer: &str, status: &str) {
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_that_announces_too_much_is_refused_at_once() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::with(small(), upstream.address).await;
    let request =
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 11\r\nConnection: close\r\n\r\n";
    let answer = gateway.exchange(request).await;
    check(&answer, "413");
    assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
    assert!(answer.contains("larger than 10 bytes"), "{answer}");
    assert!(upstream.accepted().is_none());
}

#[tokio::test]
async fn a_body_that_sends_too_much_is_refused_when_it_does() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::with(small(), upstream.address).await;
    let mut client = gateway.connect().await;
    client
        .send("POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n")
        .await;
    let mut connection = upstream.accept().await;
    connection.until("0123456789\r\n").await;
    client.send("1\r\nx\r\n0\r\n\r\n").await;
    let answer = client.until("larger than 10 bytes").await;
    check(&answer, "413");
    let rest = connection.rest().await;
    assert!(!rest.contains("0\r\n\r\n"), "a clean end: {rest:?}");
}

#[tokio::test]
async fn heads_and_targets_have_bounds() {
    let mut upstream = RawUpstream::start().await;
    let gateway = Gateway::with(small(), upstream.address).await;
    let many = "X-One: 1\r\n".repeat(9);
    let answer = gateway
        .exchange(format!("GET / HTTP/1.1\r\nHost: a.example\r\n{many}\r\n"))
        .await;
    check(&answer, "431");
    let long = "x".repeat(9 * 1024);
    let answer = gateway
        .exchange(format!(
            "GET / HTTP/1.1\r\nHost: a.example\r\nX-One: {long}\r\n\r\n"
        ))
        .await;
    check(&answer, "431");
    // Endless: no line end ever comes.
    let answer = gateway
        .exchange(format!(
            "GET / HTTP/1.1\r\nHost: a.example\r\nX-One: {}",
            "x".repeat(9 * 1024)
        ))
        .await;
    check(&answer, "431");
    let path = "x".repeat(20);
    let answer = gateway
        .exchange(format!(
            "GET /{path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
        ))
        .await;
    check(&answer, "414");
    assert!(upstream.accepted().is_none());
}
