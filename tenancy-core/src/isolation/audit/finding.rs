use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{Check, Severity};
use crate::keys::hex::hex;

/// One thing that the audit found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Finding {
    /// What it was looking for.
    pub check: Check,
    /// Where, such as `public.product` or `policy open on public.product`. The same object has the same name
    /// in each run; what can be changed without being renamed, such as rights and bodies, is in it, so that
    /// nobody takes it for known afterwards.
    pub object: Box<str>,
    /// What exactly was found there, as half a sentence.
    pub what: Box<str>,
}

impl Finding {
    pub(super) fn new(
        check: Check,
        object: impl Into<Box<str>>,
        what: impl Into<Box<str>>,
    ) -> Self {
        Self {
            check,
            object: object.into(),
            what: what.into(),
        }
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.check.severity()
    }

    /// What to do about it, as half a sentence.
    #[must_use]
    pub const fn how_to_fix(&self) -> &'static str {
        self.check.how_to_fix()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.check.id(), self.object, self.what)
    }
}

/// What tells one body of a function or a policy from another in an object's name.
pub(super) fn fingerprint(body: &str) -> String {
    hex(&Sha256::digest(body)[..4])
}
