use std::fmt;

use sha2::{Digest, Sha256};

/// What a version was when it was applied: SHA-256 over its name and its text for that database, as 64
/// hexadecimal digits.
#[derive(Clone, PartialEq, Eq)]
pub struct Checksum(Box<str>);

impl Checksum {
    pub(super) fn of(name: &str, sql: &str) -> Self {
        let mut sha = Sha256::new();
        sha.update(name);
        // A name holds no such byte, so no other name and text run together to the same bytes.
        sha.update([0]);
        sha.update(sql);
        let digits = sha
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        Self(digits.into())
    }

    /// What a journal row says. Any text: one that is no checksum equals none.
    #[must_use]
    pub fn from_journal(text: &str) -> Self {
        Self(text.into())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
