use std::fmt;

use tenancy_core::isolation::SealKey;

use crate::random;

/// What a cell's seals are made with, as it is stored. It is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySecret {
    id: String,
    secret: [u8; 32],
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
        if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let mut secret = [0; 32];
        for (byte, pair) in secret.iter_mut().zip(digits.as_bytes().chunks(2)) {
            let pair = str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        SealKey::new(id, secret).ok()?;
        let id = id.to_owned();
        Some(Self { id, secret })
    }

    /// Its name, which is no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret's digits, for the file.
    pub(super) fn digits(&self) -> String {
        self.secret
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// For use.
    ///
    /// # Panics
    /// Never: the id was tried when it was made.
    #[must_use]
    pub fn key(&self) -> SealKey {
        SealKey::new(&self.id, self.secret).expect("the id was tried when it was made")
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
        assert_eq!(
            KeySecret::stored(key.id(), &key.digits()),
            Some(key.clone())
        );
        assert_ne!(KeySecret::random(), key);
        assert!(!format!("{key:?}").contains(&key.digits()));
        for (id, digits) in [
            ("a b", "00".repeat(32)),
            ("k", "0".repeat(63)),
            ("k", "zz".repeat(32)),
        ] {
            assert_eq!(KeySecret::stored(id, &digits), None, "{id} {digits}");
        }
    }
}
