//! Requests that change something must come from the shop's own pages, or from no page at all.
//!
//! A browser says from where a page sends a request, and no page can change what it says: `Sec-Fetch-Site`
//! (Fetch Metadata), or with older browsers `Origin` (RFC 6454), which names scheme, host and port. A request
//! with neither comes from no browser that would also bring a visitor's cookie along, and passes: programs
//! need no header. The rules and their order are those of `CrossOriginProtection` in Go's `net/http` (1.25).
//!
//! The cookie's `SameSite=Lax` would not be enough. A site is a registrable domain, so all shops below the
//! platform's domain are one site to a browser, and one of them must not order at another.
//!
//! The scheme of `Origin` is not compared: the process speaks plain HTTP behind a proxy and does not know what
//! the visitor's browser speaks.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header::ORIGIN};
use tenancy_core::Authority;

use crate::shop::ShopError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request that changes something pass only when no page of another origin can have made it.
pub(super) async fn same_origin(request: Request, next: Next) -> Response {
    let own = Authority::from_request(&request).ok();
    if reads(request.method()) || is_own(request.headers(), own.as_ref()) {
        return next.run(request).await;
    }
    ShopError::CrossSite.into_response()
}

fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether the request's fields allow that it comes from the origin that it is sent to.
fn is_own(headers: &HeaderMap, own: Option<&Authority>) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    if sites.peek().is_some() {
        return sites.all(|site| site == "same-origin" || site == "none");
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.all(|origin| own.is_some_and(|own| names(origin, own)))
}

/// Whether an `Origin` names this authority. A port that is left out is the scheme's.
fn names(origin: &HeaderValue, own: &Authority) -> bool {
    let Some((scheme, authority)) = origin.to_str().ok().and_then(|text| text.split_once("://"))
    else {
        // `null`, or nothing that could be compared.
        return false;
    };
    let default = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    authority.parse::<Authority>().is_ok_and(|origin| {
        origin.host() == own.host()
            && origin.port().unwrap_or(default) == own.port().unwrap_or(default)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fields: &[(&'static str, &str)], own: &str, expect: bool) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let own: Authority = own.parse().unwrap();
        assert_eq!(is_own(&headers, Some(&own)), expect, "{fields:?} at {own}");
    }

    #[test]
    fn what_the_browser_says_of_the_site_decides() {
        for (site, expect) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("Same-Origin", false),
            ("", false),
        ] {
            check(&[("sec-fetch-site", site)], "kiln.example", expect);
            // Whatever `Origin` says beside it.
            let own = ("origin", "https://kiln.example");
            check(&[("sec-fetch-site", site), own], "kiln.example", expect);
        }
        let both = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ];
        check(&both, "kiln.example", false);
    }

    #[test]
    fn without_it_the_origin_must_be_the_host() {
        check(&[], "kiln.example", true);
        for (origin, own, expect) in [
            ("https://kiln.example", "kiln.example", true),
            ("http://kiln.example", "kiln.example", true),
            ("http://kiln.example", "kiln.example:80", true),
            ("https://kiln.example", "kiln.example:443", true),
            ("https://KILN.example.", "kiln.example", true),
            ("http://kiln.localhost:8080", "kiln.localhost:8080", true),
            ("http://kiln.localhost:8080", "kiln.localhost:9090", false),
            ("http://kiln.localhost:8080", "kiln.localhost", false),
            ("http://yama.localhost:8080", "kiln.localhost:8080", false),
            ("https://kiln.example.evil.example", "kiln.example", false),
            ("https://evil.example", "kiln.example", false),
            ("null", "kiln.example", false),
            ("", "kiln.example", false),
            ("kiln.example", "kiln.example", false),
            ("ftp://kiln.example", "kiln.example", false),
            ("https://kiln.example@evil.example", "kiln.example", false),
            ("https://kiln.example/", "kiln.example", false),
        ] {
            check(&[("origin", origin)], own, expect);
        }
        let two = [
            ("origin", "https://kiln.example"),
            ("origin", "https://evil.example"),
        ];
        check(&two, "kiln.example", false);
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static("https://kiln.example"));
        assert!(
            !is_own(&headers, None),
            "an origin and no host to compare it with"
        );
    }
}
