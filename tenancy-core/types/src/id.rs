use std::{fmt, num::NonZeroU32, str::FromStr};

/// One customer of the platform: a positive integer below 2^32, issued by the directory and never reused.
///
/// Ids are dense, so per-tenant state can live in arrays indexed by them (see [`PagedWords`](crate::PagedWords)).
/// Databases store them as `BIGINT` ([`as_i64`](Self::as_i64)). There is no tenant 0, so `Option<TenantId>`
/// is as small as an id, and "no tenant" cannot be confused with one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(NonZeroU32);

impl TenantId {
    /// An id, or `None` for 0.
    #[must_use]
    pub const fn new(id: u32) -> Option<Self> {
        match NonZeroU32::new(id) {
            Some(id) => Some(Self(id)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }

    /// The number as databases store it.
    #[must_use]
    pub fn as_i64(self) -> i64 {
        i64::from(self.get())
    }

    /// The index of this tenant in a dense array: the first id has index 0.
    #[must_use]
    pub const fn index(self) -> usize {
        self.get() as usize - 1
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant {}", self.0)
    }
}

/// A number or text that is no [`TenantId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tenant id is a whole number from 1 to 4294967295, not {found:?}")]
pub struct InvalidTenantId {
    /// What was found instead.
    pub found: Box<str>,
}

impl TryFrom<i64> for TenantId {
    type Error = InvalidTenantId;

    fn try_from(id: i64) -> Result<Self, Self::Error> {
        u32::try_from(id)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| InvalidTenantId {
                found: id.to_string().into(),
            })
    }
}

impl FromStr for TenantId {
    type Err = InvalidTenantId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| InvalidTenantId { found: text.into() })
    }
}

/// A cell: a number from 1 to 4095, written `cell-7`.
///
/// Twelve bits, so that a [`Placement`](crate::Placement) fits a machine word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellId(u16);

impl CellId {
    /// The largest cell.
    pub const MAX: Self = Self(0xfff);

    /// A cell, or `None` outside 1..=4095.
    #[must_use]
    pub const fn new(id: u16) -> Option<Self> {
        if id == 0 || id > Self::MAX.0 {
            None
        } else {
            Some(Self(id))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cell-{}", self.0)
    }
}

impl fmt::Debug for CellId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A number or text that is no [`CellId`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a cell is written cell-1 to cell-4095, not {found:?}")]
pub struct InvalidCellId {
    /// What was found instead.
    pub found: Box<str>,
}

impl TryFrom<i64> for CellId {
    type Error = InvalidCellId;

    fn try_from(id: i64) -> Result<Self, Self::Error> {
        u16::try_from(id)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| InvalidCellId {
                found: id.to_string().into(),
            })
    }
}

impl FromStr for CellId {
    type Err = InvalidCellId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("cell-")
            .filter(|digits| !digits.starts_with(['0', '+']))
            .and_then(|digits| digits.parse().ok())
            .and_then(Self::new)
            .ok_or_else(|| InvalidCellId { found: text.into() })
    }
}
