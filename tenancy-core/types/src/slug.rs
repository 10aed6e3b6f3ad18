use std::{fmt, str::FromStr, sync::Arc};

use crate::{Code, Kind, Problem};

/// A tenant's short public name, also its label below the platform's domain: `[a-z0-9](-?[a-z0-9])*`, at
/// most 63 bytes. Two hyphens never meet, so a slug cannot pose as an internationalised `xn--` label.
///
/// A slug is a lookup key, never an identity: identity is the [`TenantId`](crate::TenantId).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(Arc<str>);

impl Slug {
    /// The longest slug in bytes: one DNS label.
    pub const MAX_LEN: usize = 63;

    /// The slug.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > Self::MAX_LEN {
            return Err(InvalidSlug::Length { found: text.len() });
        }
        let mut previous = b'-';
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' => {}
                b'-' if previous != b'-' => {}
                _ => return Err(InvalidSlug::Character { at }),
            }
            previous = byte;
        }
        if previous == b'-' {
            return Err(InvalidSlug::Character { at: text.len() - 1 });
        }
        Ok(Self(text.into()))
    }
}

impl AsRef<str> for Slug {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no [`Slug`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSlug {
    /// It is empty or too long.
    #[error("a slug has 1 to 63 characters, this one has {found} bytes")]
    Length {
        /// Its length in bytes.
        found: usize,
    },
    /// A character that is not allowed at its place.
    #[error("a slug is made of a-z, 0-9 and single hyphens between them; look at byte {at}")]
    Character {
        /// The byte offset of the first wrong character.
        at: usize,
    },
}

impl Problem for InvalidSlug {
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
