//! Requests that two servers could read differently, sent raw to a gateway before an upstream that records bytes.
//!
//! Each is refused, or reaches the upstream in one form that leaves nothing to read differently, and never as two. The
//! column `by` says who refuses, so that a change of hyper's is noticed.

use tokio::time::timeout;

use super::{
    raw::{PATIENCE, RawUpstream},
    world::Gateway,
};

/// What becomes of a case.
enum Fate {
    /// Refused by hyper, before any of our code: its answers have no body.
    Hyper(u16),
    /// Refused by the edge or the proxy: the answers say a code.
    Ours(u16),
    /// Reaches the upstream as this, `·` for line ends; then the gateway's connection is fit for another request, or
    /// not.
    Sent(&'static str),
}
use Fate::{Hyper, Ours, Sent};

const FIELDS: &str = "via: 1.1 gate·forwarded: for=127.0.0.1;host=\"a.example\";proto=http·\
                      x-forwarded-for: 127.0.0.1·x-forwarded-proto: http·x-forwarded-host: a.example";

const CASES: &[(&str, &str, Fate)] = &[
    (
        "chunked and a length: chunked wins, the length is gone, the connection is not used again",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Sent("POST / HTTP/1.1·host: a.example·{}·transfer-encoding: chunked··0··"),
    ),
    (
        "a length and chunked, the other way round",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Sent("POST / HTTP/1.1·host: a.example·{}·transfer-encoding: chunked··0··"),
    ),
    (
        "two lengths that differ",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        Hyper(400),
    ),
    (
        "two lengths that are equal become one",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        Sent("POST / HTTP/1.1·host: a.example·content-length: 3·{}··abc"),
    ),
    (
        "a list of lengths",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3, 3\r\n\r\nabc",
        Hyper(400),
    ),
    (
        "a length with a sign",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: +3\r\n\r\nabc",
        Hyper(400),
    ),
    (
        "a length in other digits",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0x3\r\n\r\nabc",
        Hyper(400),
    ),
    (
        "a length beyond all numbers",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 18446744073709551617\r\n\r\nabc",
        Hyper(400),
    ),
    (
        "an empty length",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length:\r\n\r\nabc",
        Hyper(400),
    ),
    (
        "another coding before chunked",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        Ours(501),
    ),
    (
        "another coding in a line of its own",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Ours(501),
    ),
    (
        "chunked twice",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        Ours(501),
    ),
    (
        "chunked before another coding",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        Hyper(400),
    ),
    (
        "nearly chunked",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        Hyper(400),
    ),
    (
        "chunked with a vertical tab",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
        Hyper(400),
    ),
    (
        "chunked in upper case",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        Sent("POST / HTTP/1.1·host: a.example·{}·transfer-encoding: chunked··3·abc·0··"),
    ),
    (
        "chunked in HTTP/1.0",
        "POST / HTTP/1.0\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Hyper(400),
    ),
    (
        "a folded line",
        "GET / HTTP/1.1\r\nHost: a.example\r\nX-One: a\r\n b\r\n\r\n",
        Hyper(400),
    ),
    (
        "a fold before the first field",
        "GET / HTTP/1.1\r\n Host: b.example\r\nHost: a.example\r\n\r\n",
        Hyper(400),
    ),
    (
        "a bare CR in a value",
        "GET / HTTP/1.1\r\nHost: a.example\r\nX-One: a\rX-Two: b\r\n\r\n",
        Hyper(400),
    ),
    (
        "a bare CR in a name",
        "GET / HTTP/1.1\r\nHost: a.example\r\nX-\rOne: a\r\n\r\n",
        Hyper(400),
    ),
    (
        "bare LFs are line ends, and become whole ones",
        "GET / HTTP/1.1\nHost: a.example\nX-One: a\n\n",
        Sent("GET / HTTP/1.1·host: a.example·x-one: a·{}··"),
    ),
    (
        "a NUL in a value",
        "GET / HTTP/1.1\r\nHost: a.example\r\nX-One: a\0b\r\n\r\n",
        Hyper(400),
    ),
    (
        "a NUL in a name",
        "GET / HTTP/1.1\r\nHost: a.example\r\nX\0One: a\r\n\r\n",
        Hyper(400),
    ),
    (
        "a space before the colon",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        Hyper(400),
    ),
    (
        "a tab before the colon",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length\t: 3\r\n\r\nabc",
        Hyper(400),
    ),
    (
        "a field without a name",
        "GET / HTTP/1.1\r\nHost: a.example\r\n: a\r\n\r\n",
        Hyper(400),
    ),
    (
        "a line without a colon",
        "GET / HTTP/1.1\r\nHost: a.example\r\nnonsense\r\n\r\n",
        Hyper(400),
    ),
    (
        "a chunk extension is not passed on",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n",
        Sent("POST / HTTP/1.1·host: a.example·{}·transfer-encoding: chunked··3·abc·0··"),
    ),
    (
        "a chunk extension with a bare LF",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3;a\nbc\r\nabc\r\n0\r\n\r\n",
        Ours(400),
    ),
    (
        "a chunk's size beyond all numbers",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n1ffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        Ours(400),
    ),
    (
        "a chunk's size with a sign",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
        Ours(400),
    ),
    (
        "a chunk's size in another form",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
        Ours(400),
    ),
    (
        "a chunk that is longer than it says",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        Ours(400),
    ),
    (
        "a chunk that ends with a bare LF",
        "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
        Ours(400),
    ),
    (
        "two hosts",
        "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
        Ours(400),
    ),
    (
        "the same host twice",
        "GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n",
        Ours(400),
    ),
    ("no host", "GET / HTTP/1.1\r\n\r\n", Ours(400)),
    (
        "an empty host",
        "GET / HTTP/1.1\r\nHost:\r\n\r\n",
        Ours(400),
    ),
    (
        "a host with a path",
        "GET / HTTP/1.1\r\nHost: a.example/x\r\n\r\n",
        Ours(400),
    ),
    (
        "two hosts in one field",
        "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n",
        Ours(400),
    ),
    (
        "the absolute form of another host",
        "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Ours(400),
    ),
    (
        "the absolute form of the same host becomes a path",
        "GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Sent("GET /x?y HTTP/1.1·host: a.example·{}··"),
    ),
    (
        "the absolute form of a user",
        "GET http://b.example@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Ours(400),
    ),
    (
        "Connection names the host",
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: host\r\n\r\n",
        Ours(400),
    ),
    (
        "Connection names the length",
        "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\nConnection: close, Content-Length\r\n\r\nabc",
        Ours(400),
    ),
    (
        "Connection cannot take away what the gateway adds",
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: X-Forwarded-For, Forwarded, Via\r\n\r\n",
        Sent("GET / HTTP/1.1·host: a.example·{}··"),
    ),
    (
        "an upgrade to HTTP/2 is not passed on",
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        Sent("GET / HTTP/1.1·host: a.example·{}··"),
    ),
    (
        "an upgrade that Connection does not name is not passed on",
        "GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n",
        Sent("GET / HTTP/1.1·host: a.example·{}··"),
    ),
    (
        "TRACE",
        "TRACE / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Ours(405),
    ),
    (
        "CONNECT",
        "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
        Ours(405),
    ),
    (
        "a target that is no path",
        "GET * HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Ours(400),
    ),
    (
        "a space in the target",
        "GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Hyper(400),
    ),
    (
        "a version that does not exist",
        "GET / HTTP/1.2\r\nHost: a.example\r\n\r\n",
        Hyper(400),
    ),
    ("HTTP/0.9", "GET /\r\n\r\n", Hyper(400)),
    (
        "a method with a NUL",
        "GE\0T / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Hyper(400),
    ),
];

#[tokio::test]
async fn each_case_is_refused_or_sent_in_one_form() {
    for (name, sent, fate) in CASES {
        let mut upstream = RawUpstream::start().await;
        let gateway = Gateway::before(upstream.address).await;
        let mut client = gateway.connect().await;
        client.send(sent).await;
        match fate {
            Hyper(status) => {
                let answer = client.rest().await;
                assert_eq!(status_of(&answer), *status, "{name}: {answer:?}");
                assert!(
                    !answer.contains("\"code\""),
                    "{name}: not hyper: {answer:?}"
                );
                assert!(
                    upstream.accepted().is_none(),
                    "{name}: reached the upstream"
                );
            }
            Ours(status) => {
                let answer = client.until("\"code\":\"").await;
                assert_eq!(status_of(&answer), *status, "{name}: {answer:?}");
                assert_nothing_whole(name, &mut upstream).await;
            }
            Sent(form) => {
                let mut connection = upstream.accept().await;
                let form = form.replace("{}", FIELDS).replace('·', "\r\n");
                let mut seen = connection.until("\r\n\r\n").await;
                if seen.len() < form.len() {
                    let rest = &form[seen.len()..];
                    seen += &connection.until(rest).await;
                }
                assert_eq!(by_line(&seen), by_line(&form), "{name}");
                let answer = "HTTP/1.1 204 No Content\r\n\r\n";
                connection.send(answer).await;
                client.until("204 No Content").await;
                // What the client may have smuggled behind is not sent as a second request.
                drop(client);
                drop(gateway);
                assert_eq!(
                    connection.rest().await,
                    "",
                    "{name}: something more was sent"
                );
                assert!(upstream.accepted().is_none(), "{name}: sent twice");
            }
        }
    }
}

fn status_of(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1);
    status.and_then(|status| status.parse().ok()).unwrap_or(0)
}

/// Head fields stand in no order that counts.
fn by_line(message: &str) -> (String, Vec<String>, String) {
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n").map(str::to_owned);
    let request = lines.next().unwrap();
    let mut fields: Vec<String> = lines.collect();
    fields.sort();
    (request, fields, body.to_owned())
}

/// The upstream saw no request, or the beginning of one that broke off.
async fn assert_nothing_whole(name: &str, upstream: &mut RawUpstream) {
    let Some(mut connection) = upstream.accepted() else {
        return;
    };
    let seen = timeout(PATIENCE, connection.rest()).await.unwrap();
    assert!(
        !seen.contains("\r\n0\r\n\r\n"),
        "{name}: a whole request was sent: {seen:?}"
    );
}

/// The checks of our own are what refuses these: without an edge they would pass hyper.
#[tokio::test]
async fn hyper_alone_takes_what_is_refused_by_us() {
    use axum::{Router, routing::any};
    let bare = super::world::upstream(Router::new().fallback(any(async || "taken"))).await;
    let ours = CASES.iter().filter(|case| matches!(case.2, Ours(_)));
    let mut taken = 0;
    for (name, sent, _) in ours.filter(|case| is_about_heads(case.1)) {
        let mut client = super::raw::Raw::connect(bare).await;
        client.send(sent).await;
        let answer = client.head().await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer:?}");
        taken += 1;
    }
    assert!(taken >= 14, "only {taken} cases");
}

/// Faulty chunks are found by hyper while the body is read, which the bare server does not do; CONNECT has an answer of
/// its own kind.
fn is_about_heads(case: &str) -> bool {
    let is_faulty_body = case.contains("Encoding: chunked\r\n\r\n") && !case.contains("gzip");
    !is_faulty_body && !case.starts_with("CONNECT")
}
