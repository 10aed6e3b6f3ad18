//! Which names a shop may take.

use tenancy_core::Authority;
use tenancy_types::{DomainName, Slug};

/// Labels that are the platform's own, or look as if they were.
const RESERVED: &[&str] = &[
    "account",
    "accounts",
    "admin",
    "api",
    "app",
    "assets",
    "auth",
    "autoconfig",
    "autodiscover",
    "billing",
    "blog",
    "cdn",
    "cell",
    "cells",
    "checkout",
    "console",
    "dashboard",
    "demo-platform",
    "dev",
    "docs",
    "email",
    "ftp",
    "gateway",
    "help",
    "imap",
    "internal",
    "localhost",
    "login",
    "mail",
    "metrics",
    "mx",
    "ns",
    "ns1",
    "ns2",
    "ops",
    "operator",
    "pop",
    "postmaster",
    "root",
    "security",
    "signup",
    "smtp",
    "ssl",
    "staging",
    "static",
    "status",
    "storefront",
    "support",
    "system",
    "test",
    "webmail",
    "www",
];

/// Why a name cannot be a shop's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// It is no slug.
    #[error("slug {found:?}: {why}")]
    Slug {
        /// The text.
        found: String,
        /// What is wrong.
        why: tenancy_types::InvalidSlug,
    },
    /// It is reserved for the platform.
    #[error("slug {slug:?}: it is reserved for the platform")]
    Reserved {
        /// The slug.
        slug: Slug,
    },
    /// It could be taken for a shop's number.
    #[error("slug {slug:?}: it needs a letter, or it could be taken for a shop's number")]
    LikeANumber {
        /// The slug.
        slug: Slug,
    },
    /// It is no domain.
    #[error("domain {found:?}: {why}")]
    Domain {
        /// The text.
        found: String,
        /// What is wrong.
        why: String,
    },
    /// It lies at or below the platform's own domain.
    #[error("domain {domain}: names at and below {platform} are given by slug")]
    OfThePlatform {
        /// The domain.
        domain: DomainName,
        /// The platform's domain.
        platform: DomainName,
    },
}

/// A shop's slug.
///
/// # Errors
/// [`InvalidName`] when it is malformed, reserved or all digits.
pub fn slug(text: &str) -> Result<Slug, InvalidName> {
    let slug: Slug = text.parse().map_err(|why| InvalidName::Slug {
        found: text.to_owned(),
        why,
    })?;
    if RESERVED.contains(&slug.as_str()) {
        return Err(InvalidName::Reserved { slug });
    }
    if slug.as_str().bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidName::LikeANumber { slug });
    }
    Ok(slug)
}

/// A merchant's own domain, as people write it: any case, umlauts welcome.
///
/// # Errors
/// [`InvalidName`] when it is no domain name of at least two labels, or one of the platform's.
pub fn own_domain(text: &str, platform: &DomainName) -> Result<DomainName, InvalidName> {
    let invalid = |why: &str| InvalidName::Domain {
        found: text.to_owned(),
        why: why.to_owned(),
    };
    let authority: Authority = text
        .parse()
        .map_err(|error: tenancy_core::authority::InvalidAuthority| invalid(&error.to_string()))?;
    if authority.port().is_some() {
        return Err(invalid("it has a port"));
    }
    let domain = authority
        .host()
        .name()
        .ok_or_else(|| invalid("it is an address"))?
        .clone();
    if !domain.as_str().contains('.') {
        return Err(invalid("it has a single label"));
    }
    let below = domain
        .as_str()
        .strip_suffix(platform.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if below {
        return Err(InvalidName::OfThePlatform {
            domain,
            platform: platform.clone(),
        });
    }
    Ok(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_labels_are_slugs() {
        for label in RESERVED {
            assert!(
                label.parse::<Slug>().is_ok(),
                "{label} could never be asked for"
            );
            assert!(matches!(slug(label), Err(InvalidName::Reserved { .. })));
        }
    }

    #[track_caller]
    fn check(text: &str, expect: Result<&str, &str>) {
        let platform = DomainName::from_normalised("shops.example").unwrap();
        let found = own_domain(text, &platform)
            .map(|domain| domain.to_string())
            .map_err(|error| error.to_string());
        assert_eq!(found, expect.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn own_domains_are_normalised_and_never_the_platforms() {
        check("Www.Anna.Example.", Ok("www.anna.example"));
        check("bücher.example", Ok("xn--bcher-kva.example"));
        check("xshops.example", Ok("xshops.example"));
        let ours = "names at and below shops.example are given by slug";
        check(
            "shops.example",
            Err(&format!("domain shops.example: {ours}")),
        );
        check(
            "a.b.shops.example",
            Err(&format!("domain a.b.shops.example: {ours}")),
        );
        check("anna", Err("domain \"anna\": it has a single label"));
        check("127.0.0.1", Err("domain \"127.0.0.1\": it is an address"));
        check(
            "anna.example:80",
            Err("domain \"anna.example:80\": it has a port"),
        );
    }
}
