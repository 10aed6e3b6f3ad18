//! Names as the table knows them: 96 bits of a keyed hash.

use std::hash::BuildHasher;

use siphasher::sip128::{Hash128, SipHasher13};

/// What stands for a name. To find two names with the same one without the key, nothing is better than guessing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fingerprint {
    /// Decides the line, too.
    pub(super) high: u64,
    /// Never 0, so that a claim is told from an empty word.
    pub(super) low: u32,
}

/// The keys of a table's fingerprints, one for each kind of names, so that a slug never stands for a domain.
///
/// SipHash-1-3 with 128 bits of output: a keyed pseudorandom function made for short inputs, and the one that the
/// standard library's maps rely on against chosen keys. Nothing here prints a key: who knows it can choose names that
/// collide.
pub(super) struct Keys {
    domains: SipHasher13,
    patterns: SipHasher13,
    slugs: SipHasher13,
}

impl Keys {
    /// Keys that follow from a secret; `RandomState` is one that nobody knows.
    pub(super) fn derive(secret: &impl BuildHasher) -> Self {
        let key = |kind: u8| {
            let half = |half: u8| secret.hash_one([kind, half]);
            SipHasher13::new_with_keys(half(0), half(1))
        };
        Self {
            domains: key(0),
            patterns: key(1),
            slugs: key(2),
        }
    }

    #[inline]
    pub(super) fn domain(&self, name: &str) -> Fingerprint {
        Fingerprint::of(self.domains.hash(name.as_bytes()))
    }

    /// Of the pattern `*.suffix`.
    pub(super) fn pattern(&self, suffix: &str) -> Fingerprint {
        Fingerprint::of(self.patterns.hash(suffix.as_bytes()))
    }

    #[inline]
    pub(super) fn slug(&self, slug: &str) -> Fingerprint {
        Fingerprint::of(self.slugs.hash(slug.as_bytes()))
    }
}

impl Fingerprint {
    #[inline]
    fn of(hash: Hash128) -> Self {
        Self {
            high: hash.h1,
            low: (hash.h2 as u32).max(1),
        }
    }
}
