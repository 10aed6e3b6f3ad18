use std::fmt;

use crate::shop::ShopError;

/// Where a page of a listing ended: the rank, title and id of its last product.
///
/// Written as `rank.id.title`. It holds nothing that the page did not show, and a made-up one only leads to
/// another place of the same list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) rank: i64,
    pub(super) product: i64,
    pub(super) title: String,
}

impl Cursor {
    /// Before the first product.
    pub(super) const fn start() -> Self {
        Self {
            rank: i64::MIN,
            product: i64::MIN,
            title: String::new(),
        }
    }

    /// Reads what an earlier page wrote.
    ///
    /// # Errors
    /// [`ShopError::InvalidRequest`] for anything else.
    pub fn parse(text: &str) -> Result<Self, ShopError> {
        Self::read(text)
            .ok_or_else(|| ShopError::invalid("after", "it is not a value that this list gave"))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        Some(Self {
            rank: parts.next()?.parse().ok()?,
            product: parts.next()?.parse().ok()?,
            title: parts.next()?.to_owned(),
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.rank, self.product, self.title)
    }
}
