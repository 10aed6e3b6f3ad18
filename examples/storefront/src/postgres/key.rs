use std::fmt;

use tenancy_core::isolation::SealKey;

use crate::random;

/// What a cell's seals are made with, as it is stored. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret {
    id: String,
    digits: String,
}

impl KeySecret {
    /// One that nobody else has.
    #[must_use]
    pub fn random() -> Self {
        let secret = random::hex::<32>();
        Self::stored(&format!("k-{}", random::hex::<4>()), &secret)
            .expect("a fresh key has a good name and 64 digits")
    }

    /// One that was stored: an id, and 64 hexadecimal digits.
    #[must_use]
    pub fn stored(id: &str, digits: &str) -> Option<Self> {
        SealKey::from_hex(id, digits).ok()?;
        Some(Self {
            id: id.to_owned(),
            digits: digits.to_owned(),
        })
    }

    /// Its name, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret's digits, for the file.
    pub(super) fn digits(&self) -> &str {
        &self.digits
    }

    /// For use.
    ///
    /// # Panics
    /// Never: it was tried when it was made.
    #[must_use]
    pub fn key(&self) -> SealKey {
        SealKey::from_hex(&self.id, &self.digits).expect("it was tried when it was made")
    }
}

impl fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySecret({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::KeySecret;

    #[test]
    fn a_key_is_stored_and_read() {
        let key = KeySecret::random();
        assert_eq!(KeySecret::stored(key.id(), key.digits()), Some(key.clone()));
        assert_ne!(KeySecret::random(), key);
        assert!(!format!("{key:?}").contains(key.digits()));
        for (id, digits) in [
            ("a b", "00".repeat(32)),
            ("k", "0".repeat(63)),
            ("k", "zz".repeat(32)),
        ] {
            assert_eq!(KeySecret::stored(id, &digits), None, "{id} {digits}");
        }
    }
}
