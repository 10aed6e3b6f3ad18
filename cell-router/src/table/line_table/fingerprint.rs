//! Names as the table knows them: 96 bits of a keyed hash.

use std::hash::BuildHasher;

use siphasher::sip128::SipHasher13;

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
#[derive(Clone, Copy)]
pub(super) struct Keys {
    domains: Key,
    patterns: Key,
    slugs: Key,
}

#[derive(Clone, Copy)]
struct Key(u64, u64);

impl Keys {
    /// Keys that follow from a secret; `RandomState` is one that nobody knows.
    pub(super) fn derive(secret: &impl BuildHasher) -> Self {
        let key = |kind: u8| Key(secret.hash_one([kind, 0]), secret.hash_one([kind, 1]));
        Self {
            domains: key(0),
            patterns: key(1),
            slugs: key(2),
        }
    }

    #[inline]
    pub(super) fn domain(&self, name: &str) -> Fingerprint {
        self.domains.fingerprint(name)
    }

    /// Of the pattern `*.suffix`.
    pub(super) fn pattern(&self, suffix: &str) -> Fingerprint {
        self.patterns.fingerprint(suffix)
    }

    #[inline]
    pub(super) fn slug(&self, slug: &str) -> Fingerprint {
        self.slugs.fingerprint(slug)
    }
}

impl Key {
    #[inline]
    fn fingerprint(self, text: &str) -> Fingerprint {
        let hash = SipHasher13::new_with_keys(self.0, self.1).hash(text.as_bytes());
        Fingerprint {
            high: hash.h1,
            low: (hash.h2 as u32).max(1),
        }
    }
}
