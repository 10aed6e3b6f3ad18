//! What arguments mean.

use std::{fmt, net::SocketAddr, str::FromStr};

use tenancy_core::Authority;
use tenancy_types::{CellId, DomainName, Slug};

use crate::{
    postgres::{CellFiles, CellUrl, Credentials, FileError, InvalidCellUrl},
    random,
    shop::order::OrderState,
};

/// A shop as operators name it: by its number or its slug. Every number is well-formed as a slug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TenantName(Slug);

impl FromStr for TenantName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let slug = text.parse::<Slug>();
        slug.map(Self)
            .map_err(|why| format!("it is neither a shop's number nor its slug: {why}"))
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A cell in Postgres as operators name it: by its name, or by a URL that leads to its database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CellName {
    /// Its name.
    Name(CellId),
    /// The application's URL.
    Url(CellUrl),
}

impl CellName {
    /// What leads into the cell.
    pub(super) fn credentials(&self, files: &CellFiles) -> Result<Credentials, FileError> {
        match self {
            Self::Name(cell) => CellFiles::read(&files.path(*cell)),
            Self::Url(url) => files.with_app(url.clone()),
        }
    }
}

/// A text that names no cell. It is not repeated, and the arguments are not parsed by clap, which would: it may hold a
/// password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an argument is neither a cell's name, such as cell-4, nor its URL: {0}")]
pub(super) struct InvalidCellName(InvalidCellUrl);

impl FromStr for CellName {
    type Err = InvalidCellName;

    fn from_str(text: &str) -> Result<Self, InvalidCellName> {
        if let Ok(cell) = text.parse() {
            return Ok(Self::Name(cell));
        }
        text.parse().map(Self::Url).map_err(InvalidCellName)
    }
}

/// What names one request, so that it can be repeated without being done twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IdempotencyKey(String);

impl IdempotencyKey {
    /// One that nobody else has.
    pub(super) fn random() -> Self {
        Self(random::hex::<16>())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        match text.len() {
            1..=255 if visible => Ok(Self(text.to_owned())),
            _ => Err("a key is 1 to 255 visible ASCII characters"),
        }
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An order as operators name it: by its number, or by its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OrderName(String);

impl FromStr for OrderName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        match text.len() {
            1..=64 if is_plain => Ok(Self(text.to_owned())),
            _ => Err("it is neither an order's number nor its token"),
        }
    }
}

impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A state of orders.
pub(super) fn order_state(text: &str) -> Result<OrderState, String> {
    OrderState::from_name(text).ok_or_else(|| {
        let names = OrderState::ALL.map(OrderState::as_str).join(", ");
        format!("it is none of {names}")
    })
}

/// From when on more should be ordered: a number of pieces, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReorderAt(pub(super) Option<i64>);

impl FromStr for ReorderAt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "never" => Ok(Self(None)),
            number => number
                .parse()
                .map(|pieces| Self(Some(pieces)))
                .map_err(|_| "it is neither a number of pieces nor never"),
        }
    }
}

/// A domain as people write it: any case, umlauts welcome.
pub(super) fn domain(text: &str) -> Result<DomainName, String> {
    let authority: Authority = text
        .parse()
        .map_err(|why: tenancy_core::authority::InvalidAuthority| why.to_string())?;
    match (authority.host().name(), authority.port()) {
        (Some(name), None) => Ok(name.clone()),
        (Some(_), Some(_)) => Err("a domain has no port".to_owned()),
        (None, _) => Err("it is an address, not a domain".to_owned()),
    }
}

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "write an address like 127.0.0.1:8080; port 0 picks a free one".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shops_are_named_by_number_or_slug() {
        for name in ["1", "4294967295", "nord", "nord-2"] {
            assert_eq!(name.parse::<TenantName>().unwrap().to_string(), name);
        }
        for name in ["", "Nord", "..", "a/b", "nord?x", "nord.example"] {
            assert!(name.parse::<TenantName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn cells_are_named_by_name_or_url() {
        let cell = CellId::new(4).unwrap();
        assert_eq!("cell-4".parse(), Ok(CellName::Name(cell)));
        let url = "postgres://shops_app@db/shops";
        assert_eq!(url.parse(), Ok(CellName::Url(url.parse().unwrap())));
        for name in ["", "4", "cell-0", "postgres://db"] {
            assert!(name.parse::<CellName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn orders_are_named_by_number_or_token() {
        for name in ["4611686018427387904", "0123456789abcdef0123456789abcdef"] {
            assert_eq!(name.parse::<OrderName>().unwrap().to_string(), name);
        }
        for name in ["", "..", "7/fulfil", "7?x", "ö", &"7".repeat(65)] {
            assert!(name.parse::<OrderName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn reordering_may_be_never() {
        assert_eq!("5".parse(), Ok(ReorderAt(Some(5))));
        assert_eq!("never".parse(), Ok(ReorderAt(None)));
        assert!("soon".parse::<ReorderAt>().is_err());
    }

    #[test]
    fn keys_are_visible_ascii() {
        assert_eq!(IdempotencyKey::random().as_str().len(), 32);
        assert_ne!(IdempotencyKey::random(), IdempotencyKey::random());
        assert_eq!(
            "order-7".parse::<IdempotencyKey>().unwrap().as_str(),
            "order-7"
        );
        assert!("k".repeat(255).parse::<IdempotencyKey>().is_ok());
        for key in ["", "a b", "schlüssel", "a\n", &"k".repeat(256)] {
            assert!(key.parse::<IdempotencyKey>().is_err(), "{key:?}");
        }
    }

    #[test]
    fn domains_are_normalised() {
        for (text, expect) in [
            ("localhost", Ok("localhost")),
            ("Bücher.Example", Ok("xn--bcher-kva.example")),
            ("nord.example:80", Err("a domain has no port")),
            ("127.0.0.1", Err("it is an address, not a domain")),
        ] {
            let found = domain(text).map(|name| name.to_string());
            assert_eq!(found, expect.map(str::to_owned).map_err(str::to_owned));
        }
        assert!(domain("a..b").is_err());
    }
}
