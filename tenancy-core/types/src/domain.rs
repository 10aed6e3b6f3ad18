use std::{borrow::Borrow, fmt, sync::Arc};

use crate::{Code, Kind, Problem};

/// A normalised host name that leads to a tenant: `shop.example.com`.
///
/// Normalised means ASCII lower case, internationalised labels in their `xn--` form, no trailing dot, at
/// most 253 bytes, labels of 1 to 63 of `a-z 0-9 - _` that neither start nor end with a hyphen. Underscores
/// are not in RFC 952, but real subdomains have them. Raw host text is normalised by
/// `tenancy_core::Authority`; this type only checks.
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
