use std::fmt;

use subtle::ConstantTimeEq as _;

use super::{hex::bytes, hmac::Hmac};

/// A secret and its name.
#[derive(Clone)]
pub struct SecretKey {
    id: Box<str>,
    hmac: Hmac,
}

/// The first 128 bits of an HMAC.
pub type Signature = [u8; 16];

/// A text that is no id of a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key's id is 1 to 32 of a-z, 0-9 and -, not {found:?}")]
pub struct InvalidKeyId {
    /// What was found instead.
    pub found: Box<str>,
}

/// Texts that are no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The id is none.
    #[error(transparent)]
    Id(#[from] InvalidKeyId),
    /// The secret is none. It is not repeated.
    #[error("a key's secret is 64 hexadecimal digits")]
    Secret,
}

impl SecretKey {
    /// The most letters of an id.
    pub(crate) const LONGEST_ID: usize = 32;

    /// A key of 32 bytes from a source of randomness that is good enough for keys.
    ///
    /// # Errors
    /// [`InvalidKeyId`].
    pub fn new(id: &str, secret: [u8; 32]) -> Result<Self, InvalidKeyId> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=Self::LONGEST_ID).contains(&id.len()) || !id.bytes().all(plain) {
            return Err(InvalidKeyId { found: id.into() });
        }
        Ok(Self {
            id: id.into(),
            hmac: Hmac::new(&secret),
        })
    }

    /// A key that is stored as an id and the 64 hexadecimal digits of its secret.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn from_hex(id: &str, digits: &str) -> Result<Self, InvalidKey> {
        let secret = bytes(digits).ok_or(InvalidKey::Secret)?;
        Ok(Self::new(id, secret)?)
    }

    /// The key's name, which stands in what it has signed.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs a text for a purpose.
    #[must_use]
    pub fn sign(&self, purpose: &'static str, text: &[u8]) -> Signature {
        // The text cannot make up for a shorter purpose.
        let mac = self.hmac.mac(&[purpose.as_bytes(), &[0], text]);
        *mac.first_chunk().expect("a MAC has 32 bytes")
    }

    /// Whether it has signed this text for this purpose. Takes as long whatever differs.
    #[must_use]
    pub fn has_signed(&self, purpose: &'static str, text: &[u8], signature: &Signature) -> bool {
        self.sign(purpose, text).ct_eq(signature).into()
    }

    #[cfg(feature = "postgres")]
    pub(crate) const fn hmac(&self) -> &Hmac {
        &self.hmac
    }
}

/// Without the key.
impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidKey, SecretKey};

    #[test]
    fn a_key_is_not_printed() {
        let key = SecretKey::new("k-1", [0xab; 32]).unwrap();
        assert_eq!(format!("{key:?}"), r#"SecretKey { id: "k-1", .. }"#);
    }

    #[test]
    fn a_key_is_read_from_digits() {
        let key = SecretKey::from_hex("k-1", &"aB".repeat(32)).unwrap();
        let same = SecretKey::new("k-1", [0xab; 32]).unwrap();
        assert_eq!(key.sign("test", b"x"), same.sign("test", b"x"));
        for wrong in [
            "",
            &"a".repeat(63),
            &"zz".repeat(32),
            &"+a".repeat(32),
            &"é".repeat(32),
        ] {
            let read = SecretKey::from_hex("k-1", wrong);
            assert_eq!(read.unwrap_err(), InvalidKey::Secret, "{wrong}");
        }
        let read = SecretKey::from_hex("K", &"00".repeat(32));
        assert!(matches!(read, Err(InvalidKey::Id(_))));
    }

    #[test]
    fn ids_stand_in_a_signed_text_unchanged() {
        for id in ["", "a:b", "a'b", "A", "ä", &"x".repeat(33)] {
            assert!(SecretKey::new(id, [1; 32]).is_err(), "{id}");
        }
    }

    #[test]
    fn a_signature_is_for_one_text_one_purpose_and_of_one_key() {
        let key = SecretKey::new("a", [1; 32]).unwrap();
        let signature = key.sign("one", b"text");
        assert!(key.has_signed("one", b"text", &signature));
        assert!(!key.has_signed("two", b"text", &signature));
        assert!(!key.has_signed("one", b"tex", &signature));
        assert!(!key.has_signed("on", b"e\0text", &signature));
        let other = SecretKey::new("a", [2; 32]).unwrap();
        assert!(!other.has_signed("one", b"text", &signature));
    }
}
