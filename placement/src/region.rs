use std::{fmt, str::FromStr, sync::Arc};

/// Where a cell stands, and where a tenant's data may be kept: `eu`, `us-east`.
///
/// 1 to 32 of `a-z 0-9 -`, starting with a letter. Regions do not nest: `eu` and `eu-west` are strangers.
/// Cloning is cheap: the text is shared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(Arc<str>);

impl Region {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = InvalidRegion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let valid = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(allowed);
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidRegion { found: text.into() })
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no [`Region`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a region is 1 to 32 of a-z, 0-9 and hyphen and starts with a letter, not {found:?}")]
pub struct InvalidRegion {
    /// What was found instead.
    pub found: Box<str>,
}
