//! From a request: target, `Host`, and the fields of proxies.

use http::{Request, Version};
use proptest::prelude::*;
use tenancy_core::authority::{Authority, AuthorityError, RequestHead, TrustedProxies};
use tenancy_types::{Kind, Problem};

use super::{corpus, request_laws};

fn judge(parsed: Result<Authority, AuthorityError>) -> String {
    match parsed {
        Ok(authority) => authority.to_string(),
        Err(error) => {
            assert_eq!(error.kind(), Kind::Invalid);
            assert_eq!(error.code().as_str(), "invalid_request");
            format!("! {}", error.client_text())
        }
    }
}

fn request(version: Version, target: &str, fields: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().version(version).uri(target);
    for (name, value) in fields {
        request = request.header(*name, value.as_bytes());
    }
    request.body(()).unwrap()
}

#[track_caller]
fn check(version: Version, target: &str, fields: &[(&str, &str)], expect: &str) {
    let request = request(version, target, fields);
    assert_eq!(judge(Authority::from_request(&request)), expect);
    let (parts, ()) = request.into_parts();
    assert_eq!(judge(Authority::from_request(&parts)), expect);
}

#[test]
fn http_1_names_its_host_in_a_field() {
    let check = |fields, expect| check(Version::HTTP_11, "/p", fields, expect);
    check(&[("host", "Shop.Example.:8080")], "shop.example:8080");
    check(&[("HOST", "[::1]")], "[::1]");
    check(&[], "! the request names no host");
    check(&[("host", "")], "! invalid host in Host: the host is empty");
    check(
        &[("host", "a.example, b.example")],
        "! invalid host in Host: ',' at byte 9 has no place in a host or port",
    );
    check(
        &[("host", "b\u{fc}cher.example")],
        "! invalid host in Host: byte 1 is not ASCII; international names must be sent as A-labels",
    );
    check(
        &[("host", "user@shop.example")],
        "! invalid host in Host: '@' at byte 4: user information is not accepted",
    );
    check(
        &[("host", "a.example"), ("host", "a.example")],
        "! the request has 2 Host fields",
    );
    check(
        &[
            ("host", "a.example"),
            ("accept", "*/*"),
            ("Host", "b.example"),
            ("hOST", ""),
        ],
        "! the request has 3 Host fields",
    );
    // Not a name for the host, whoever says it.
    check(
        &[("host", "a.example"), ("x-forwarded-host", "b.example")],
        "a.example",
    );
    check(
        &[("host", "a.example"), ("forwarded", "host=b.example")],
        "a.example",
    );
    check(
        &[("x-forwarded-host", "b.example")],
        "! the request names no host",
    );
    check(
        &[("x-host", "b.example"), ("host", "a.example")],
        "a.example",
    );
}

#[test]
fn http_1_in_absolute_form_still_needs_the_field() {
    let check = |target, fields, expect| check(Version::HTTP_11, target, fields, expect);
    check(
        "http://Shop.example/p",
        &[("host", "shop.example.")],
        "shop.example",
    );
    check(
        "http://shop.example:80/p",
        &[("host", "shop.example:80")],
        "shop.example:80",
    );
    check("http://shop.example/p", &[], "! the request names no host");
    check(
        "http://shop.example/p",
        &[("host", "evil.example")],
        "! the request target and Host name different hosts",
    );
    check(
        "http://shop.example/p",
        &[("host", "shop.example:80")],
        "! the request target and Host name different hosts",
    );
    check(
        "http://shop.example/p",
        &[("host", "")],
        "! invalid host in Host: the host is empty",
    );
    check(
        "http://shop.example@evil.example/p",
        &[("host", "evil.example")],
        "! invalid host in the request target: '@' at byte 12: user information is not accepted",
    );
    // CONNECT's authority form.
    check(
        "shop.example:443",
        &[("host", "shop.example:443")],
        "shop.example:443",
    );
    check("*", &[("host", "shop.example")], "shop.example");
}

#[test]
fn http_1_0_may_lack_the_field_in_absolute_form() {
    let check = |target, fields, expect| check(Version::HTTP_10, target, fields, expect);
    check("http://shop.example/", &[], "shop.example");
    check("/", &[("host", "shop.example")], "shop.example");
    check("/", &[], "! the request names no host");
}

#[test]
fn http_2_and_3_name_it_in_the_target() {
    for version in [Version::HTTP_2, Version::HTTP_3] {
        let check = |target, fields, expect| check(version, target, fields, expect);
        check("https://SHOP.example/p", &[], "shop.example");
        check(
            "https://shop.example/p",
            &[("host", "Shop.Example.")],
            "shop.example",
        );
        check("/p", &[("host", "shop.example")], "shop.example");
        check("/p", &[], "! the request names no host");
        check(
            "https://shop.example/p",
            &[("host", "evil.example")],
            "! the request target and Host name different hosts",
        );
        check(
            "https://shop.example/p",
            &[("host", "shop.example"), ("host", "shop.example")],
            "! the request has 2 Host fields",
        );
        check(
            "https://127.1/p",
            &[],
            "! invalid host in the request target: ends in a number, but is not an IPv4 address \
             of four decimal numbers",
        );
    }
}

const PROXY: &str = "10.0.0.1";
const STRANGER: &str = "192.0.2.1";

#[track_caller]
fn check_forwarded(peer: &str, fields: &[(&str, &str)], expect: &str) {
    let proxies: TrustedProxies = "10.0.0.0/8, fd00::/8".parse().unwrap();
    let request = request(Version::HTTP_11, "/", fields);
    let found = Authority::from_forwarded_request(&request, peer.parse().unwrap(), &proxies);
    assert_eq!(judge(found), expect);
}

#[test]
fn a_trusted_peer_may_say_the_host() {
    const OWN: (&str, &str) = ("host", "backend:8080");
    let check = |fields: &[_], expect| {
        let mut fields = fields.to_vec();
        fields.push(OWN);
        check_forwarded(PROXY, &fields, expect);
        check_forwarded("::ffff:10.0.0.1", &fields, expect);
        // The negative control: the same from a stranger is the request's own.
        check_forwarded(STRANGER, &fields, "backend:8080");
        check_forwarded("::1", &fields, "backend:8080");
    };
    check(&[], "backend:8080");
    check(&[("x-forwarded-host", "Shop.example.")], "shop.example");
    check(
        &[("x-forwarded-host", "shop.example:443")],
        "shop.example:443",
    );
    check(
        &[("x-forwarded-host", "evil.example, shop.example")],
        "shop.example",
    );
    check(
        &[("x-forwarded-host", "<evil>\",shop.example")],
        "shop.example",
    );
    check(
        &[
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-host", "shop.example"),
        ],
        "shop.example",
    );
    check(
        &[
            ("forwarded", "host=evil.example"),
            ("forwarded", "host=shop.example"),
        ],
        "shop.example",
    );
    check(
        &[("forwarded", "host=evil.example"), ("forwarded", "for=1")],
        "backend:8080",
    );
    check(
        &[("forwarded", "host=shop.example"), ("forwarded", "")],
        "shop.example",
    );
    check(
        &[
            ("forwarded", "for=1;host=shop.example"),
            ("x-forwarded-host", "SHOP.example."),
        ],
        "shop.example",
    );
    check(
        &[("forwarded", "for=1"), ("x-forwarded-host", "shop.example")],
        "shop.example",
    );
    check(
        &[
            ("forwarded", "host=a.example"),
            ("x-forwarded-host", "b.example"),
        ],
        "! Forwarded and X-Forwarded-Host name different hosts",
    );
    check(
        &[("x-forwarded-host", "shop.example,")],
        "! invalid host in X-Forwarded-Host: the host is empty",
    );
    check(
        &[("x-forwarded-host", "")],
        "! invalid host in X-Forwarded-Host: the host is empty",
    );
    check(
        &[("x-forwarded-host", "shop.example/")],
        "! invalid host in X-Forwarded-Host: '/' at byte 12 has no place in a host or port",
    );
    check(
        &[("x-forwarded-host", "b\u{fc}cher.example")],
        "! invalid host in X-Forwarded-Host: byte 1 is not ASCII; international names must be \
         sent as A-labels",
    );
    check(
        &[("forwarded", "for=\"x"), ("forwarded", "host=shop.example")],
        "! malformed Forwarded at byte 6",
    );
}

#[test]
fn a_trusted_peer_still_needs_an_own_host() {
    check_forwarded(
        PROXY,
        &[("x-forwarded-host", "shop.example")],
        "! the request names no host",
    );
    check_forwarded(
        PROXY,
        &[
            ("host", "a"),
            ("host", "a"),
            ("x-forwarded-host", "shop.example"),
        ],
        "! the request has 2 Host fields",
    );
}

#[test]
fn the_forwarded_corpus_is_read_as_written() {
    let proxies: TrustedProxies = PROXY.parse().unwrap();
    corpus::check("forwarded.txt", |line| {
        let fields = [("host", "own.example"), ("forwarded", line)];
        let request = request(Version::HTTP_11, "/", &fields);
        let peer = PROXY.parse().unwrap();
        judge(Authority::from_forwarded_request(&request, peer, &proxies))
    });
}

#[test]
fn the_request_laws_hold_over_the_corpus() {
    for file in ["hosts.txt", "forwarded.txt"] {
        let inputs = corpus::inputs(file);
        assert!(inputs.len() >= 50, "{file} is there");
        for input in inputs {
            request_laws::check(input.as_bytes());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_request_laws_hold_for_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        request_laws::check(&bytes);
    }

    #[test]
    fn the_request_laws_hold_near_the_borders(
        pieces in prop::collection::vec(
            "[a-z.]{1,6}|[,;= \t\"\\\\]|host=|\"[a-z,;\\\\\"]{0,6}\"|, ",
            0..10,
        ),
    ) {
        request_laws::check(pieces.concat().as_bytes());
    }

    #[test]
    fn the_request_laws_hold_for_nearly_plain_names(name in "[a-z0-9_.-]{0,70}") {
        request_laws::check(name.as_bytes());
    }
}

/// What is not seen at a glance is parsed; this is about what must not be missed, and what must not be taken.
#[test]
fn plain_names_are_seen_at_a_glance() {
    #[track_caller]
    fn check(request: http::request::Builder, expect: Option<&str>) {
        let request = request.body(()).unwrap();
        assert_eq!(RequestHead::from(&request).plain_name(), expect);
    }
    let host = |host: &str| Request::get("/").header("host", host);
    let whole = "shop-pine-1000000.myplatform.example";
    for name in ["shop.example", "a", "a.b-c.d_e", "7.example", whole] {
        check(host(name), Some(name));
        let http2 = Request::get(format!("https://{name}/")).version(Version::HTTP_2);
        check(http2, Some(name));
    }
    let long = format!("{}.example", "a".repeat(60));
    for other in [
        "",
        "shop.example:80",
        "shop.example.",
        "Shop.example",
        ".example",
        "shop..example",
        "-a.example",
        "a-.example",
        "xn--bcher-kva.example",
        "10.0.0.1",
        "1.2.3.0x7",
        "[::1]",
        "a/b",
        "a b",
        long.as_str(),
    ] {
        check(host(other), None);
    }
    check(Request::get("/"), None);
    check(Request::get("http://shop.example/"), None);
    check(
        Request::get("http://shop.example/").header("host", "shop.example"),
        None,
    );
    check(host("shop.example").header("host", "shop.example"), None);
}
