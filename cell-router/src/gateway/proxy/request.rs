//! A request as an upstream gets it. Pure.

use http::{
    HeaderMap, HeaderValue, Uri, Version,
    header::{CONNECTION, EXPECT, HOST, TE},
    uri::{Authority, PathAndQuery, Scheme},
};

use super::upstream::{Protocol, Upstream};
use crate::gateway::{FramingFault, GatewayError};

/// What the gateway says of its own hop.
pub(super) fn head_for(
    upstream: &Upstream,
    headers: &mut HeaderMap,
    target: &Uri,
) -> Result<(Uri, Version), GatewayError> {
    let path = target.path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    match upstream.protocol {
        Protocol::Http1 => {
            if headers.contains_key(TE) {
                // Whoever says TE names it (RFC 9110, section 10.1.4).
                headers.insert(CONNECTION, HeaderValue::from_static("te"));
            }
            let uri = uri(upstream.authority.clone(), path)?;
            Ok((uri, Version::HTTP_11))
        }
        Protocol::Http2 => {
            // The connection cannot tell that the upstream wants the body, so it is sent at once.
            headers.remove(EXPECT);
            let host = headers.remove(HOST);
            let host = host.and_then(|host| Authority::try_from(host.as_bytes()).ok());
            let uri = uri(host.ok_or(FramingFault::Target)?, path)?;
            Ok((uri, Version::HTTP_2))
        }
    }
}

fn uri(authority: Authority, path: PathAndQuery) -> Result<Uri, FramingFault> {
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority);
    let uri = uri.path_and_query(path).build();
    uri.map_err(|_| FramingFault::Target)
}

/// Whether the client waits with its body.
pub(super) fn expects_continue(headers: &HeaderMap) -> bool {
    let expected = headers.get(EXPECT).map(HeaderValue::as_bytes);
    expected.is_some_and(|value| value.eq_ignore_ascii_case(b"100-continue"))
}
