//! Who asked, for what, and how: `Forwarded` (RFC 7239) and the `X-Forwarded-*` that are older than it.
//!
//! A client can write these as it likes, so what arrives counts only from a configured proxy; then it is kept and
//! added to. From anybody else it is dropped, all of it: a field that this gateway does not know may be one that a
//! cell believes.

use bytes::{BufMut as _, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{FORWARDED, HOST},
};

use crate::gateway::Security;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const NAMED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const PREFIX: &str = "x-forwarded-";

/// Whether the connection's other end may say for whom it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Standing {
    /// Anybody.
    Client,
    /// One of our proxies.
    Proxy,
}

/// The connection a request came by.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct Sender<'a> {
    /// The peer's address.
    pub(in crate::gateway) address: &'a HeaderValue,
    pub(in crate::gateway) security: Security,
    pub(in crate::gateway) standing: Standing,
    /// The host that counts where it is not the field `Host`: what a proxy said.
    pub(in crate::gateway) said_host: Option<&'a str>,
}

/// Says for whom this gateway asks. `Host` is there and well-formed.
pub(in crate::gateway) fn tell(headers: &mut HeaderMap, sender: Sender<'_>) {
    if sender.standing == Standing::Client {
        forget(headers);
    }
    let host = match sender.said_host {
        Some(said) => HeaderValue::try_from(said).ok(),
        None => headers.get(HOST).cloned(),
    };
    let proto = proto(headers, sender);
    let element = element(sender.address, host.as_ref(), &proto);
    headers.append(FORWARDED, element);
    headers.append(FOR, sender.address.clone());
    headers.insert(PROTO, proto);
    if let Some(host) = host {
        headers.insert(NAMED_HOST, host);
    }
}

/// What a proxy says of its client's connection, or what is known of the peer's.
fn proto(headers: &HeaderMap, sender: Sender<'_>) -> HeaderValue {
    let said = headers.get(PROTO).map(HeaderValue::as_bytes);
    HeaderValue::from_static(match (said, sender.security) {
        (Some(b"https"), _) => "https",
        (Some(b"http"), _) | (_, Security::Plain) => "http",
        (_, Security::Tls) => "https",
    })
}

fn forget(headers: &mut HeaderMap) {
    let is_told = |name: &&HeaderName| **name == FORWARDED || name.as_str().starts_with(PREFIX);
    while let Some(name) = headers.keys().find(is_told).cloned() {
        headers.remove(name);
    }
}

/// One element of `Forwarded`. What has a colon is no token, so hosts and IPv6 addresses are quoted (RFC 7239, section
/// 6); a well-formed host has no quotes in it.
fn element(address: &HeaderValue, host: Option<&HeaderValue>, proto: &HeaderValue) -> HeaderValue {
    let host = host.map_or(&b""[..], HeaderValue::as_bytes);
    let mut text = BytesMut::with_capacity(40 + address.len() + host.len());
    if address.as_bytes().contains(&b':') {
        text.put_slice(b"for=\"[");
        text.put_slice(address.as_bytes());
        text.put_slice(b"]\"");
    } else {
        text.put_slice(b"for=");
        text.put_slice(address.as_bytes());
    }
    if !host.is_empty() {
        text.put_slice(b";host=\"");
        text.put_slice(host);
        text.put_u8(b'"');
    }
    text.put_slice(b";proto=");
    text.put_slice(proto.as_bytes());
    HeaderValue::from_maybe_shared(text.freeze()).expect("an address, a host and a word")
}
