use std::{borrow::Cow, fmt, str::FromStr, sync::Arc};

use crate::{Code, Kind, Problem};

/// The key under which a caller may repeat a request: 1 to 255 bytes of its own choosing.
///
/// What was begun under a key is finished under it, and done once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestKey(Arc<str>);

impl RequestKey {
    /// The longest key in bytes.
    pub const MAX_LEN: usize = 255;

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestKey {
    type Err = InvalidRequestKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (1..=Self::MAX_LEN).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidRequestKey { found: text.len() })
        }
    }
}

impl fmt::Display for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// A text that is no [`RequestKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a request key has 1 to 255 bytes, this one has {found}")]
pub struct InvalidRequestKey {
    /// Its length in bytes.
    pub found: usize,
}

impl Problem for InvalidRequestKey {
    fn code(&self) -> Code {
        Code::new("invalid_request")
    }

    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn client_text(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}
