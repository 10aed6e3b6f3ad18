//! What a buyer asks for, checked as far as it can be without the shop. Pure.

use std::{borrow::Cow, collections::BTreeMap};

use crate::shop::payment::PaymentToken;

use super::CheckoutError;

/// The most pieces of one variant in an order.
pub const MAX_QUANTITY: i64 = 1_000;
/// The most lines of an order.
pub const MAX_LINES: usize = 100;
/// The longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const MAX_EMAIL: usize = 254;

/// A basket that somebody wants to buy now. Valid in itself; what the shop has is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutRequest {
    items: BTreeMap<i64, i64>,
    email: String,
    payment_token: PaymentToken,
    expected_total: Option<i64>,
}

impl CheckoutRequest {
    /// A request for these variants and quantities; a variant that stands twice is added up.
    ///
    /// # Errors
    /// [`CheckoutError::InvalidRequest`] when there is no line or more than [`MAX_LINES`], a quantity is not 1
    /// to [`MAX_QUANTITY`], the address cannot be one, or the token is not 1 to 255 visible characters.
    pub fn new(
        items: impl IntoIterator<Item = (i64, i64)>,
        email: &str,
        payment_token: &str,
    ) -> Result<Self, CheckoutError> {
        Ok(Self {
            items: merged(items)?,
            email: plausible(email)?,
            payment_token: PaymentToken::new(payment_token)
                .ok_or_else(|| invalid("payment_token", "1 to 255 visible characters"))?,
            expected_total: None,
        })
    }

    /// Refuses to buy at another total than this one, in minor units: what the buyer has seen.
    #[must_use]
    pub const fn expected_total(mut self, minor: i64) -> Self {
        self.expected_total = Some(minor);
        self
    }

    /// Variants and quantities, by ascending variant.
    pub(super) fn items(&self) -> impl ExactSizeIterator<Item = (i64, i64)> {
        self.items
            .iter()
            .map(|(&variant, &quantity)| (variant, quantity))
    }

    pub(super) fn email(&self) -> &str {
        &self.email
    }

    pub(super) const fn payment_token(&self) -> &PaymentToken {
        &self.payment_token
    }

    pub(super) const fn expected(&self) -> Option<i64> {
        self.expected_total
    }

    /// Tells two requests apart, in hexadecimal. Equal for equal requests, however they were written. The total
    /// that was seen is no part of it: it decides whether an order is made, and one that has been made is gone on
    /// with although the page shows another total by now.
    pub(super) fn fingerprint(&self) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("storefront checkout request 1");
        for text in [self.email.as_str(), self.payment_token.as_str()] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        for (variant, quantity) in &self.items {
            hasher.update(&variant.to_le_bytes());
            hasher.update(&quantity.to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

fn merged(
    items: impl IntoIterator<Item = (i64, i64)>,
) -> Result<BTreeMap<i64, i64>, CheckoutError> {
    let mut merged = BTreeMap::new();
    for (variant, quantity) in items {
        if !(1..=MAX_QUANTITY).contains(&quantity) {
            return Err(too_many());
        }
        let sum = merged.entry(variant).or_insert(0);
        // No overflow: it was at most MAX_QUANTITY, and so is what is added.
        *sum += quantity;
        if *sum > MAX_QUANTITY {
            return Err(too_many());
        }
        if merged.len() > MAX_LINES {
            return Err(invalid("items", format!("at most {MAX_LINES} lines")));
        }
    }
    if merged.is_empty() {
        return Err(invalid("items", "at least one line"));
    }
    Ok(merged)
}

fn too_many() -> CheckoutError {
    invalid(
        "quantity",
        format!("a whole number from 1 to {MAX_QUANTITY}"),
    )
}

/// An address that may exist: whether it does, only a message can tell.
fn plausible(email: &str) -> Result<String, CheckoutError> {
    let email = email.trim();
    let is_plain = |text: &str| {
        !text.is_empty()
            && !text
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || c == '@')
    };
    let has_host = |host: &str| {
        let (name, top) = host.rsplit_once('.').unwrap_or_default();
        is_plain(host) && !name.is_empty() && !top.is_empty() && !host.starts_with('.')
    };
    match email.split_once('@') {
        Some((name, host)) if email.len() <= MAX_EMAIL && is_plain(name) && has_host(host) => {
            Ok(email.to_owned())
        }
        _ => Err(invalid("email", "an address such as name@example.com")),
    }
}

fn invalid(field: &'static str, expected: impl Into<Cow<'static, str>>) -> CheckoutError {
    CheckoutError::InvalidRequest {
        field,
        expected: expected.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(items: &[(i64, i64)], email: &str, token: &str, expect: Result<&[(i64, i64)], &str>) {
        let found = CheckoutRequest::new(items.iter().copied(), email, token);
        let found = found.map(|request| request.items().collect::<Vec<_>>());
        let found = found.map_err(|error| match error {
            CheckoutError::InvalidRequest { field, .. } => field.to_owned(),
            other => panic!("{other:?}"),
        });
        let expect = expect.map(<[_]>::to_vec).map_err(str::to_owned);
        assert_eq!(found, expect, "{items:?} {email:?} {token:?}");
    }

    #[test]
    fn requests_are_checked() {
        let (mail, token) = ("a@b.example", "test");
        check(&[(2, 1), (1, 3)], mail, token, Ok(&[(1, 3), (2, 1)]));
        check(&[(1, 1), (1, 2)], mail, token, Ok(&[(1, 3)]));
        check(&[(1, 1_000)], mail, token, Ok(&[(1, 1_000)]));
        check(&[], mail, token, Err("items"));
        for quantity in [0, -1, 1_001, i64::MAX, i64::MIN] {
            check(&[(1, quantity)], mail, token, Err("quantity"));
        }
        check(&[(1, 600), (1, 600)], mail, token, Err("quantity"));
        let many: Vec<_> = (0..=100).map(|variant| (variant, 1)).collect();
        check(&many, mail, token, Err("items"));
        check(&many[..100], mail, token, Ok(&many[..100]));
    }

    #[test]
    fn addresses_are_plausible_or_refused() {
        for email in [" a@b.example ", "a+b@c.d.example", "ä@ö.example"] {
            check(&[(1, 1)], email, "test", Ok(&[(1, 1)]));
        }
        let long = format!("{}@b.example", "a".repeat(250));
        for email in [
            "",
            "a",
            "@",
            "a@",
            "@b.example",
            "a@b",
            "a@.example",
            "a@b.",
            "a b@c.example",
            "a@b@c.example",
            "a\n@b.example",
            &long,
        ] {
            check(&[(1, 1)], email, "test", Err("email"));
        }
        for token in ["", "a b", "ü", &"x".repeat(256)] {
            check(&[(1, 1)], "a@b.example", token, Err("payment_token"));
        }
    }

    #[test]
    fn a_fingerprint_tells_requests_apart() {
        let new = |items: &[(i64, i64)], email, token| {
            CheckoutRequest::new(items.iter().copied(), email, token).unwrap()
        };
        let one = new(&[(1, 2), (3, 4)], "a@b.example", "test");
        let same = new(&[(3, 4), (1, 1), (1, 1)], " a@b.example", "test");
        assert_eq!(one.fingerprint(), same.fingerprint());
        let seen = one.clone().expected_total(5);
        assert_eq!(one.fingerprint(), seen.fingerprint());
        for other in [
            new(&[(1, 2), (3, 5)], "a@b.example", "test"),
            new(&[(1, 2)], "a@b.example", "test"),
            new(&[(1, 2), (3, 4)], "c@b.example", "test"),
            new(&[(1, 2), (3, 4)], "a@b.example", "test-decline"),
        ] {
            assert_ne!(one.fingerprint(), other.fingerprint(), "{other:?}");
        }
    }
}
