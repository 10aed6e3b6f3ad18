use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Version, header::VIA};

/// The name under which a gateway stands in `Via` (RFC 9110, section 7.6.3): no host of ours need be told.
#[derive(Clone, Debug)]
pub struct Pseudonym {
    by_version: Arc<[HeaderValue; 3]>,
}

/// Why a text is no pseudonym: it is empty, or not of letters, digits, `-`, `.` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no name for a gateway: letters, digits, '-', '.' and '_' are")]
pub struct InvalidPseudonym {
    /// The text.
    pub text: String,
}

impl Pseudonym {
    /// # Errors
    /// When the name is empty or has other signs than letters, digits, `-`, `.` and `_`.
    pub fn new(name: &str) -> Result<Self, InvalidPseudonym> {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_sign) {
            return Err(InvalidPseudonym { text: name.into() });
        }
        let received = |protocol| {
            HeaderValue::try_from(format!("{protocol} {name}")).expect("signs of a field's value")
        };
        Ok(Self {
            by_version: Arc::new([received("1.0"), received("1.1"), received("2")]),
        })
    }

    /// Adds this gateway to those that a message came through, `received` being how it came here.
    pub(in crate::gateway) fn append_to(&self, headers: &mut HeaderMap, received: Version) {
        let [first, common, second] = &*self.by_version;
        let value = match received {
            Version::HTTP_10 => first,
            Version::HTTP_2 => second,
            _ => common,
        };
        headers.append(VIA, value.clone());
    }
}
