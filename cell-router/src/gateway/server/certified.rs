//! What a connection's certificate is for. Pure.

use std::fmt;

/// The names in a certificate: those for which its connection may be used (RFC 9110, section 4.3.4).
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateNames(Box<[Box<str>]>);

impl CertificateNames {
    /// These names, in lower case, international ones as `xn--`. One that begins with `*.` is for one label in its place
    /// (RFC 6125, section 6.4.3). Addresses stand as text.
    #[must_use]
    pub fn new<N: Into<Box<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        let mut names: Vec<Box<str>> = names.into_iter().map(Into::into).collect();
        names.sort_unstable();
        names.dedup();
        Self(names.into())
    }

    /// Whether this host is one of them, or is covered by a wildcard. Logarithmic in their number.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        self.has(host) || wildcard_above(host).is_some_and(|wildcard| self.has(&wildcard))
    }

    /// The names, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }

    fn has(&self, name: &str) -> bool {
        self.0.binary_search_by(|it| (**it).cmp(name)).is_ok()
    }
}

/// The wildcard that covers a name: its first label is replaced.
pub(in crate::gateway) fn wildcard_above(name: &str) -> Option<String> {
    let (label, parent) = name.split_once('.')?;
    (!label.is_empty() && label != "*").then(|| format!("*.{parent}"))
}

impl fmt::Debug for CertificateNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::CertificateNames;

    #[track_caller]
    fn check(host: &str, expect: bool) {
        let names = CertificateNames::new(["shop.example", "*.brand.example", "192.0.2.1"]);
        assert_eq!(names.covers(host), expect, "{host}");
    }

    #[test]
    fn a_wildcard_is_for_one_label() {
        check("shop.example", true);
        check("www.shop.example", false);
        check("example", false);
        check("a.brand.example", true);
        check("brand.example", false);
        check("a.b.brand.example", false);
        check("*.brand.example", true);
        check(".brand.example", false);
        check("192.0.2.1", true);
        check("192.0.2.2", false);
        check("", false);
    }
}
