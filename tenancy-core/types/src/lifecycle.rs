use std::{fmt, str::FromStr};

/// Where a tenant is in its life.
///
/// Moving is *not* one of them: it is a flag beside the lifecycle (see [`Placement`](crate::Placement)), so
/// that a suspended tenant that moves arrives suspended. Exhaustive on purpose: callers must decide about
/// each. The discriminants are persisted in placement words and must not change; [`ALL`](Self::ALL) has the
/// order of a tenant's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lifecycle {
    /// Being set up; not served yet.
    Provisioning = 0,
    /// Served in full.
    Active = 1,
    /// Read, but not written.
    ReadOnly = 2,
    /// Not served; everything is kept.
    Suspended = 3,
    /// Leaving: not served, kept for a grace time, can be undone.
    Offboarding = 4,
    /// Its rows are being deleted: not served, and there is no way back. It ends gone, or empty and
    /// provisioned anew from an archive.
    Purging = 6,
    /// Left. Only a numeric tombstone remains.
    Gone = 5,
}

impl Lifecycle {
    /// All, in the order of a tenant's life.
    pub const ALL: [Self; 7] = [
        Self::Provisioning,
        Self::Active,
        Self::ReadOnly,
        Self::Suspended,
        Self::Offboarding,
        Self::Purging,
        Self::Gone,
    ];

    /// The name used in APIs, logs and databases.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::ReadOnly => "read_only",
            Self::Suspended => "suspended",
            Self::Offboarding => "offboarding",
            Self::Purging => "purging",
            Self::Gone => "gone",
        }
    }

    #[inline]
    pub(crate) const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Provisioning),
            1 => Some(Self::Active),
            2 => Some(Self::ReadOnly),
            3 => Some(Self::Suspended),
            4 => Some(Self::Offboarding),
            5 => Some(Self::Gone),
            6 => Some(Self::Purging),
            _ => None,
        }
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no [`Lifecycle`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no lifecycle is named {found:?}")]
pub struct InvalidLifecycle {
    /// What was found instead.
    pub found: Box<str>,
}

impl FromStr for Lifecycle {
    type Err = InvalidLifecycle;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|lifecycle| lifecycle.as_str() == text)
            .ok_or_else(|| InvalidLifecycle { found: text.into() })
    }
}
