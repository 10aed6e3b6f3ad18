//! What holds for any fields of a request. Shared with the fuzz target.

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderValue, Request};
use tenancy_core::authority::{Authority, AuthorityError, RequestHead, TrustedProxies};

const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// Panics if a law is broken for a client that sends these bytes as `Host`, as
/// `Forwarded` and as `X-Forwarded-Host`. Bytes that no field can hold are passed.
pub(crate) fn check(client: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(client) else {
        return;
    };
    check_host(&value);
    check_stranger(&value);
    check_appended("forwarded", &value, "host=shop.example");
    check_appended("x-forwarded-host", &value, "shop.example");
}

fn check_host(value: &HeaderValue) {
    let request = request(&[("host", value)]);
    let from_field = Authority::from_request(&request).ok();
    let from_text = value
        .to_str()
        .ok()
        .and_then(|text| text.parse::<Authority>().ok());
    assert_eq!(from_field, from_text, "{value:?}");
    if let Some(name) = RequestHead::from(&request).plain_name() {
        let found = from_field.map(|authority| authority.to_string());
        assert_eq!(found.as_deref(), Some(name), "what is seen at a glance");
    }

    let twice = self::request(&[("host", value), ("host", value)]);
    assert_eq!(
        Authority::from_request(&twice),
        Err(AuthorityError::RepeatedHost { lines: 2 })
    );
    assert_eq!(RequestHead::from(&twice).plain_name(), None);
}

/// From a peer that is not trusted, forwarding fields change nothing.
fn check_stranger(value: &HeaderValue) {
    let request = request(&[
        ("host", &HeaderValue::from_static("own.example")),
        ("forwarded", value),
        ("x-forwarded-host", value),
    ]);
    assert_eq!(
        effective(&request, STRANGER),
        Ok("own.example".parse().unwrap())
    );
}

/// Whatever the client sent before it, what the proxy appends decides, be it in
/// the same line or in one of its own.
fn check_appended(field: &str, client: &HeaderValue, appended: &str) {
    let joined = [client.as_bytes(), b", ", appended.as_bytes()].concat();
    let joined = HeaderValue::from_bytes(&joined).unwrap();
    let alone = HeaderValue::from_str(appended).unwrap();
    for lines in [
        vec![(field, &joined)],
        vec![(field, client), (field, &alone)],
    ] {
        let own = HeaderValue::from_static("own.example");
        let mut fields = vec![("host", &own)];
        fields.extend(lines);
        if let Ok(authority) = effective(&request(&fields), PROXY) {
            assert_eq!(authority.to_string(), "shop.example", "{fields:?}");
        }
    }
}

fn effective(request: &Request<()>, peer: IpAddr) -> Result<Authority, AuthorityError> {
    let proxies: TrustedProxies = "10.0.0.0/8".parse().unwrap();
    Authority::from_forwarded_request(request, peer, &proxies)
}

fn request(fields: &[(&str, &HeaderValue)]) -> Request<()> {
    let mut request = Request::builder();
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}
