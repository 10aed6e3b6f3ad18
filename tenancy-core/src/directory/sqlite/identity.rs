use std::{fmt, str::FromStr};

/// Which directory one is: 128 random bits that were drawn when its file was made.
///
/// Tenants are numbered by their directory, so the same number means other tenants in other directories. Whatever
/// keeps rows by these numbers can keep the directory's identity beside them, and refuse any other. A copy of the
/// file has the identity of the original.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DirectoryId(u128);

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
