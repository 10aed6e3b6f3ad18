//! Which host a trusted proxy says a request was for. The rules and their
//! reasons stand in the documentation of the parent module.

mod rfc7239;

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header::FORWARDED};

use self::rfc7239::Element;
use super::request::{ascii, parse};
use super::{Authority, AuthorityError, Place, RequestHead, TrustedProxies};

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

impl Authority {
    /// The host that a request is for, when `peer` may be one of our proxies.
    ///
    /// What the last hop says in `Forwarded` or `X-Forwarded-Host` counts if
    /// `proxies` trusts the peer; otherwise this is [`Authority::from_request`].
    /// The request's own host must be well-formed in any case: two `Host` fields
    /// are a sign of smuggling, whoever sent them.
    ///
    /// ```
    /// use tenancy_core::authority::{Authority, TrustedProxies};
    ///
    /// let proxies: TrustedProxies = "10.0.0.0/8".parse()?;
    /// let request = http::Request::get("/")
    ///     .header("host", "backend-7")
    ///     .header("x-forwarded-host", "made-up.example, shop.example")
    ///     .body(())?;
    /// let behind_proxy = Authority::from_forwarded_request(&request, "10.0.0.1".parse()?, &proxies)?;
    /// assert_eq!(behind_proxy.to_string(), "shop.example");
    /// let direct = Authority::from_forwarded_request(&request, "192.0.2.1".parse()?, &proxies)?;
    /// assert_eq!(direct.to_string(), "backend-7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Authority::from_request`]; from a trusted peer also a malformed
    /// forwarding field, and two that differ.
    pub fn from_forwarded_request<'a>(
        request: impl Into<RequestHead<'a>>,
        peer: IpAddr,
        proxies: &TrustedProxies,
    ) -> Result<Self, AuthorityError> {
        let request = request.into();
        let own = Self::from_request(request)?;
        if !proxies.trusts(peer) {
            return Ok(own);
        }
        match (
            forwarded(request.headers)?,
            x_forwarded_host(request.headers)?,
        ) {
            (Some(standard), Some(common)) if standard != common => {
                Err(AuthorityError::ForwardedConflict)
            }
            (Some(said), _) | (None, Some(said)) => Ok(said),
            (None, None) => Ok(own),
        }
    }
}

/// The host of the last element of `Forwarded`; none if that one names no host.
fn forwarded(headers: &HeaderMap) -> Result<Option<Authority>, AuthorityError> {
    let mut last = None;
    for line in headers.get_all(FORWARDED) {
        let in_line = ascii(line.as_bytes())
            .and_then(rfc7239::last_element)
            .map_err(|at| AuthorityError::ForwardedSyntax { at })?;
        last = in_line.or(last);
    }
    match last {
        Some(Element { host: Some(host) }) => parse(host.as_bytes(), Place::Forwarded).map(Some),
        Some(Element { host: None }) | None => Ok(None),
    }
}

/// The last element of `X-Forwarded-Host`. No specification gives this field a
/// form; a comma is what proxies that append put, and nothing quotes one.
fn x_forwarded_host(headers: &HeaderMap) -> Result<Option<Authority>, AuthorityError> {
    let Some(line) = headers.get_all(X_FORWARDED_HOST).iter().next_back() else {
        return Ok(None);
    };
    let last = line.as_bytes().rsplit(|byte| *byte == b',').next();
    let last = last.expect("a split has a last part").trim_ascii();
    parse(last, Place::XForwardedHost).map(Some)
}
