//! Short claims, signed, as one word of text: what a header field can hold. Pure.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Keyring, SecretKey, Signature};

/// The most bytes of a claim.
const LONGEST_CLAIM: usize = 32;
const LONGEST: usize = 2 + SecretKey::LONGEST_ID + LONGEST_CLAIM + size_of::<Signature>();

/// Why a token is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenRefused {
    /// It is none, or was cut off or changed.
    #[error("the token is malformed")]
    Malformed,
    /// It is of a later version than this program's.
    #[error("the token is of version {version}")]
    Version {
        /// Which.
        version: u8,
    },
    /// The ring has no such key.
    #[error("no key {id:?} is known")]
    UnknownKey {
        /// The id of the key that it names.
        id: Box<str>,
    },
    /// It was not signed with that key.
    #[error("the token is forged")]
    Forged,
}

impl SecretKey {
    /// A claim of up to 32 bytes, of a fixed form that the purpose and the version name, signed: base64 (RFC 4648, section
    /// 5, without padding) of the version; the length of the key's id and the id; the claim; and the first 16 bytes of an
    /// HMAC-SHA256 over all before it and the purpose.
    ///
    /// # Panics
    /// When the claim is longer.
    #[must_use]
    pub fn token<const N: usize>(
        &self,
        purpose: &'static str,
        version: u8,
        claim: &[u8; N],
    ) -> String {
        const { assert!(N <= LONGEST_CLAIM, "a claim is short") };
        let id = self.id().as_bytes();
        let mut token = Vec::with_capacity(LONGEST);
        token.push(version);
        token.push(u8::try_from(id.len()).expect("an id is short"));
        token.extend_from_slice(id);
        token.extend_from_slice(claim);
        let signature = self.sign(purpose, &token);
        token.extend_from_slice(&signature);
        URL_SAFE_NO_PAD.encode(token)
    }
}

impl Keyring {
    /// The claim of a [token](SecretKey::token), if a key of this ring has signed it for this purpose. Longer texts than
    /// any token's are not looked at.
    ///
    /// # Errors
    /// [`TokenRefused`].
    pub fn check<const N: usize>(
        &self,
        purpose: &'static str,
        version: u8,
        token: &[u8],
    ) -> Result<[u8; N], TokenRefused> {
        const { assert!(N <= LONGEST_CLAIM, "a claim is short") };
        // A buffer that takes every token, and no longer text.
        let mut bytes = [0; LONGEST];
        let decoded = URL_SAFE_NO_PAD.decode_slice(token, &mut bytes);
        let length = decoded.map_err(|_| TokenRefused::Malformed)?;
        let (text, signature) = bytes[..length]
            .split_last_chunk()
            .ok_or(TokenRefused::Malformed)?;
        let (&[found, id], rest) = text.split_first_chunk().ok_or(TokenRefused::Malformed)?;
        if found != version {
            return Err(TokenRefused::Version { version: found });
        }
        let (id, claim) = rest
            .split_at_checked(usize::from(id))
            .ok_or(TokenRefused::Malformed)?;
        let claim = claim.try_into().map_err(|_| TokenRefused::Malformed)?;
        let id = str::from_utf8(id).map_err(|_| TokenRefused::Malformed)?;
        let key = self
            .find(id)
            .ok_or_else(|| TokenRefused::UnknownKey { id: id.into() })?;
        if !key.has_signed(purpose, text, signature) {
            return Err(TokenRefused::Forged);
        }
        Ok(claim)
    }
}
