use std::fmt;

use tenancy_types::{Epoch, TenantId, UnixMicros};

use super::{
    hex::{bytes, hex},
    hmac::Hmac,
};

/// What makes seals, and what a sealed cell checks them with: HMAC-SHA256 (RFC 2104) under an id.
///
/// A process that serves requests has one; [`install_key`](super::install_key) tells a cell of it. Neither the
/// application's role nor the mover's can read a key from the database.
#[derive(Clone)]
pub struct SealKey {
    id: Box<str>,
    hmac: Hmac,
}

/// A text that is no id of a [`SealKey`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a seal key's id is 1 to 32 of a-z, 0-9 and -, not {found:?}")]
pub struct InvalidKeyId {
    /// What was found instead.
    pub found: Box<str>,
}

/// Texts that are no [`SealKey`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The id is none.
    #[error(transparent)]
    Id(#[from] InvalidKeyId),
    /// The secret is none. It is not repeated.
    #[error("a seal key's secret is 64 hexadecimal digits")]
    Secret,
}

/// What a seal lets a transaction do: enter as one tenant, at one epoch, for reading or writing, for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealClaim {
    /// The tenant.
    pub tenant: TenantId,
    /// The epoch at which the request was admitted.
    pub epoch: Epoch,
    /// What for.
    pub access: SealAccess,
    /// When the seal becomes worthless, by the database's clock; rounded down to seconds.
    pub expires: UnixMicros,
}

/// Whether a transaction enters for reading or for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SealAccess {
    /// The transaction is read only.
    Read,
    /// It may write.
    Write,
}

impl SealKey {
    /// A key of 32 bytes from a source of randomness that is good enough for keys.
    ///
    /// # Errors
    /// [`InvalidKeyId`].
    pub fn new(id: &str, secret: [u8; 32]) -> Result<Self, InvalidKeyId> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=32).contains(&id.len()) || !id.bytes().all(plain) {
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

    /// The key's name, which stands in its seals.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The last argument of `tenancy.enter`: `v1:{key id}:{tenant}:{epoch}:{r|w}:{expires}:{hmac}`.
    ///
    /// Only letters, digits, `:` and `-`, so that it stands in SQL as it is.
    #[must_use]
    pub fn seal(&self, claim: &SealClaim) -> String {
        let access = match claim.access {
            SealAccess::Read => 'r',
            SealAccess::Write => 'w',
        };
        let text = format!(
            "v1:{}:{}:{}:{access}:{}",
            self.id,
            claim.tenant,
            claim.epoch.as_i64(),
            claim.expires.get().div_euclid(1_000_000),
        );
        let mac = hex(self.hmac.mac(text.as_bytes()));
        format!("{text}:{mac}")
    }

    pub(super) const fn pads(&self) -> [&[u8]; 2] {
        self.hmac.pads()
    }
}

/// Without the key.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidKey, SealKey};

    #[test]
    fn a_key_is_not_printed() {
        let key = SealKey::new("k-1", [0xab; 32]).unwrap();
        assert_eq!(format!("{key:?}"), r#"SealKey { id: "k-1", .. }"#);
    }

    #[test]
    fn a_key_is_read_from_digits() {
        let key = SealKey::from_hex("k-1", &"aB".repeat(32)).unwrap();
        assert_eq!(key.pads(), SealKey::new("k-1", [0xab; 32]).unwrap().pads());
        for wrong in [
            "",
            &"a".repeat(63),
            &"zz".repeat(32),
            &"+a".repeat(32),
            &"é".repeat(32),
        ] {
            let read = SealKey::from_hex("k-1", wrong);
            assert_eq!(read.unwrap_err(), InvalidKey::Secret, "{wrong}");
        }
        let read = SealKey::from_hex("K", &"00".repeat(32));
        assert!(matches!(read, Err(InvalidKey::Id(_))));
    }

    #[test]
    fn ids_stand_in_a_seal_unchanged() {
        for id in ["", "a:b", "a'b", "A", "ä", &"x".repeat(33)] {
            assert!(SealKey::new(id, [1; 32]).is_err(), "{id}");
        }
    }
}
