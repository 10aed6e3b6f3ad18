//! The cookie that holds a cart's secret.
//!
//! It belongs to the host that set it (no `Domain`), no script reads it, and other sites' forms do not carry
//! it (`SameSite=Lax`). It has no `Secure`, because this process speaks plain HTTP and browsers drop such a
//! cookie from an insecure answer; the proxy that adds TLS adds that word (`proxy_cookie_flags` of nginx).

use std::convert::Infallible;

use axum::{extract::FromRequestParts, http::request::Parts};
use http::{HeaderMap, HeaderValue, header::COOKIE};

use crate::shop::cart::{CartSecret, KEPT_SECONDS};

const NAME: &str = "cart";

/// The secret that the request's cookie holds, if it holds one.
#[derive(Debug)]
pub(super) struct CartCookie(pub(super) Option<CartSecret>);

impl<S: Sync> FromRequestParts<S> for CartCookie {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(secret_in(&parts.headers)))
    }
}

/// The first readable secret. HTTP/2 may bring cookies in several fields (RFC 9113, section 8.2.3).
fn secret_in(headers: &HeaderMap) -> Option<CartSecret> {
    let fields = headers.get_all(COOKIE).iter();
    let texts = fields.filter_map(|field| field.to_str().ok());
    let mut pairs = texts
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(name, value)| {
        (name.trim() == NAME)
            .then(|| CartSecret::parse(value.trim()))
            .flatten()
    })
}

/// The field that makes the browser keep the secret, as long as the cart is kept.
pub(super) fn keep(secret: &CartSecret) -> HeaderValue {
    let secret = secret.reveal();
    let cookie = format!("{NAME}={secret}; Path=/; Max-Age={KEPT_SECONDS}; HttpOnly; SameSite=Lax");
    HeaderValue::from_str(&cookie).expect("hexadecimal digits and ASCII words")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fields: &[&str], expect: Option<&str>) {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(COOKIE, field.parse().unwrap());
        }
        let found = secret_in(&headers);
        assert_eq!(found.as_ref().map(CartSecret::reveal), expect, "{fields:?}");
    }

    #[test]
    fn the_secret_is_found_among_other_cookies() {
        let (one, two) = ("1".repeat(64), "2".repeat(64));
        check(&[], None);
        check(&["other=1; carton=2"], None);
        check(&["cart="], None);
        check(&["cart=nonsense"], None);
        check(&[&format!("cart={one}")], Some(&one));
        check(&[&format!("a=b; cart={one}; c=d")], Some(&one));
        check(&["a=b", &format!(" cart = {one} ")], Some(&one));
        check(
            &[&format!("cart=nonsense; cart={one}; cart={two}")],
            Some(&one),
        );
    }

    #[test]
    fn the_browser_keeps_it_for_this_host_alone() {
        let secret = CartSecret::random();
        let cookie = keep(&secret);
        let cookie = cookie.to_str().unwrap();
        let expect = format!(
            "cart={}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax",
            secret.reveal()
        );
        assert_eq!(cookie, expect);
    }
}
