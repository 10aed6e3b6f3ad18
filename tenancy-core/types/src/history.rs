use std::{fmt, str::FromStr};

use crate::Revision;

/// Which directory one is: 128 random bits that were drawn when it was made.
///
/// Tenants are numbered by their directory, so the same number means other tenants in other directories. Whatever
/// keeps something by these numbers can keep the directory's identity beside it, and refuse any other. A copy of a
/// directory has the identity of the original.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DirectoryId(u128);

impl DirectoryId {
    /// An identity from its bits.
    #[must_use]
    pub const fn from_u128(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

/// A text that is no [`DirectoryId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the identity of a directory is 32 lower-case hexadecimal digits")]
pub struct InvalidDirectoryId;

impl FromStr for DirectoryId {
    type Err = InvalidDirectoryId;

    fn from_str(text: &str) -> Result<Self, InvalidDirectoryId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(InvalidDirectoryId);
        }
        let id = u128::from_str_radix(text, 16);
        id.map(Self).map_err(|_| InvalidDirectoryId)
    }
}

impl fmt::Display for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for DirectoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DirectoryId({self})")
    }
}

/// Within which revisions can be compared: one directory, as long as it is not restored.
///
/// A directory that is restored from a backup gives out numbers a second time that it had given before. It therefore
/// begins a new history, with a greater incarnation: the one that its [`Epoch`](crate::Epoch)s carry, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct History {
    /// The directory.
    pub directory: DirectoryId,
    /// How often it was restored.
    pub incarnation: u16,
}

/// A place in a directory's change log that cannot be taken for one in another log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Whose log.
    pub history: History,
    /// Where in it.
    pub revision: Revision,
}

impl Position {
    /// Another place in the same log.
    #[must_use]
    pub const fn at(self, revision: Revision) -> Self {
        Self { revision, ..self }
    }
}
