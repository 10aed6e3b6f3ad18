use std::fmt;

use tenancy_types::{Epoch, TenantId, UnixMicros};

use crate::keys::{InvalidKey, InvalidKeyId, SecretKey, hex::hex};

/// What makes seals, and what a sealed cell checks them with: HMAC-SHA256 (RFC 2104) under an id.
///
/// A process that serves requests has one; [`install_key`](super::install_key) tells a cell of it. Neither the
/// application's role nor the mover's can read a key from the database.
#[derive(Clone)]
pub struct SealKey(SecretKey);

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
        SecretKey::new(id, secret).map(Self)
    }

    /// A key that is stored as an id and the 64 hexadecimal digits of its secret.
    ///
    /// # Errors
    /// [`InvalidKey`].
    pub fn from_hex(id: &str, digits: &str) -> Result<Self, InvalidKey> {
        SecretKey::from_hex(id, digits).map(Self)
    }

    /// The key's name, which stands in its seals.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.id()
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
            self.id(),
            claim.tenant,
            claim.epoch.as_i64(),
            claim.expires.get().div_euclid(1_000_000),
        );
        let mac = hex(self.0.hmac().mac(&[text.as_bytes()]));
        format!("{text}:{mac}")
    }

    pub(super) const fn pads(&self) -> [&[u8]; 2] {
        self.0.hmac().pads()
    }
}

/// Without the key.
impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::SealKey;

    #[test]
    fn a_key_is_not_printed() {
        let key = SealKey::new("k-1", [0xab; 32]).unwrap();
        assert_eq!(format!("{key:?}"), r#"SealKey { id: "k-1", .. }"#);
    }
}
