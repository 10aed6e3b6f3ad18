use std::{borrow::Borrow, fmt, sync::Arc};

use crate::{Code, Kind, Problem};

/// A normalised host name that leads to a tenant: `shop.example.com`.
///
/// Normalised means ASCII lower case, internationalised labels in their `xn--` form, no trailing dot, at
/// most 253 bytes, labels of 1 to 63 of `a-z 0-9 - _` that neither start nor end with a hyphen. Underscores
/// are not in RFC 952, but real subdomains have them. Raw host text is normalised by
/// `tenancy_core::Authority`; this type only checks.
///
/// A tenant may also have a *pattern*, `*.example.com`, which stands for every name below `example.com`
/// ([`from_pattern`](Self::from_pattern)). The host of a request never is one.
///
/// Cloning is cheap: the text is shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Arc<str>);

impl DomainName {
    /// The longest name in bytes (RFC 1035 in its textual form).
    pub const MAX_LEN: usize = 253;

    /// Takes a name that is already normalised. One pass and one allocation.
    ///
    /// # Errors
    /// [`InvalidDomainName`] says what is wrong and at which byte.
    pub fn from_normalised(name: &str) -> Result<Self, InvalidDomainName> {
        check(name)?;
        Ok(Self(name.into()))
    }

    /// Takes a name that is already normalised, or `*.` and such a name: every name below it at any depth, but not
    /// the name itself (as in RFC 4592, where a name's own record also goes before a wildcard's).
    ///
    /// ```
    /// use tenancy_types::DomainName;
    ///
    /// let pattern = DomainName::from_pattern("*.example.com").unwrap();
    /// assert_eq!(pattern.wildcard_suffix(), Some("example.com"));
    /// assert!(DomainName::from_normalised("*.example.com").is_err());
    /// ```
    ///
    /// # Errors
    /// [`InvalidDomainName`] says what is wrong and at which byte of the whole text.
    pub fn from_pattern(pattern: &str) -> Result<Self, InvalidDomainName> {
        if pattern.len() > Self::MAX_LEN {
            return Err(InvalidDomainName::Length {
                found: pattern.len(),
            });
        }
        match pattern.strip_prefix(WILDCARD) {
            None => check(pattern)?,
            Some(suffix) => check(suffix).map_err(|wrong| wrong.behind(WILDCARD.len()))?,
        }
        Ok(Self(pattern.into()))
    }

    /// What is behind the `*.` of a pattern; `None` of an exact name.
    #[must_use]
    pub fn wildcard_suffix(&self) -> Option<&str> {
        self.0.strip_prefix(WILDCARD)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first label, when the rest is exactly `parent`: `shop` for `shop.example.com` below `example.com`.
    #[must_use]
    pub fn label_below(&self, parent: &Self) -> Option<&str> {
        let label = self.0.strip_suffix(parent.as_str())?.strip_suffix('.')?;
        (!label.contains('.')).then_some(label)
    }
}

/// How a pattern begins.
const WILDCARD: &str = "*.";

fn check(name: &str) -> Result<(), InvalidDomainName> {
    use InvalidDomainName::{Character, Empty, Hyphen, LabelLength, Length};
    if name.is_empty() {
        return Err(Empty);
    }
    if name.len() > DomainName::MAX_LEN {
        return Err(Length { found: name.len() });
    }
    let mut at = 0;
    for label in name.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Err(LabelLength {
                at,
                found: label.len(),
            });
        }
        if let Some(wrong) = label
            .bytes()
            .position(|b| !matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        {
            return Err(Character { at: at + wrong });
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(Hyphen { at });
        }
        at += label.len() + 1;
    }
    Ok(())
}

impl AsRef<str> for DomainName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no normalised domain name. Positions are byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDomainName {
    /// There is nothing.
    #[error("the domain is empty")]
    Empty,
    /// It is longer than [`DomainName::MAX_LEN`].
    #[error("the domain has {found} bytes, at most 253 are allowed")]
    Length {
        /// Its length in bytes.
        found: usize,
    },
    /// A label is empty or longer than 63 bytes.
    #[error("the label at byte {at} of the domain has {found} bytes, 1 to 63 are allowed")]
    LabelLength {
        /// Where the label starts.
        at: usize,
        /// Its length in bytes.
        found: usize,
    },
    /// A character outside `a-z 0-9 - _`.
    #[error(
        "the character at byte {at} of the domain is not one of a-z, 0-9, hyphen and underscore"
    )]
    Character {
        /// Where it stands.
        at: usize,
    },
    /// A label starts or ends with a hyphen.
    #[error("the label at byte {at} of the domain starts or ends with a hyphen")]
    Hyphen {
        /// Where the label starts.
        at: usize,
    },
}

impl InvalidDomainName {
    /// The same in a text in which the name stands further behind.
    fn behind(self, by: usize) -> Self {
        match self {
            Self::Empty | Self::Length { .. } => self,
            Self::LabelLength { at, found } => Self::LabelLength { at: at + by, found },
            Self::Character { at } => Self::Character { at: at + by },
            Self::Hyphen { at } => Self::Hyphen { at: at + by },
        }
    }
}

impl Problem for InvalidDomainName {
    fn code(&self) -> Code {
        Code::new("invalid_request")
    }

    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn client_text(&self) -> std::borrow::Cow<'static, str> {
        self.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::{DomainName, InvalidDomainName as Wrong};

    #[track_caller]
    fn check(text: &str, expect: Result<Option<&str>, Wrong>) {
        let pattern = DomainName::from_pattern(text);
        let found = pattern.as_ref().map(DomainName::wildcard_suffix);
        assert_eq!(found, expect.as_ref().copied(), "{text}");
        if expect != Ok(None) {
            assert!(DomainName::from_normalised(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_is_a_name_or_a_star_above_one() {
        check("shop.example.com", Ok(None));
        check("*.example.com", Ok(Some("example.com")));
        check("*.com", Ok(Some("com")));
        check("", Err(Wrong::Empty));
        check("*.", Err(Wrong::Empty));
        check("*", Err(Wrong::Character { at: 0 }));
        check("*example.com", Err(Wrong::Character { at: 0 }));
        check("*.*.com", Err(Wrong::Character { at: 2 }));
        check("a.*.com", Err(Wrong::Character { at: 2 }));
        check("*.Example.com", Err(Wrong::Character { at: 2 }));
        check("*.a..com", Err(Wrong::LabelLength { at: 4, found: 0 }));
        check("*.-a.com", Err(Wrong::Hyphen { at: 2 }));
        let long = format!("*.{}", ["a"; 127].join("."));
        check(&long, Err(Wrong::Length { found: 255 }));
    }
}
