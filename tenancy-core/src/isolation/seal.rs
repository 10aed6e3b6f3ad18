use std::fmt;

use sha2::{Digest as _, Sha256};
use tenancy_types::{Epoch, TenantId, UnixMicros};

use super::hex::hex;

/// The length of a block of SHA-256, to which HMAC pads its key.
const BLOCK: usize = 64;

/// What makes seals, and what a sealed cell checks them with: HMAC-SHA256 (RFC 2104) under an id.
///
/// A process that serves requests has one; [`install_key`](super::install_key) tells a cell of it. Neither the
/// application's role nor the mover's can read a key from the database.
#[derive(Clone)]
pub struct SealKey {
    id: Box<str>,
    inner_pad: [u8; BLOCK],
    outer_pad: [u8; BLOCK],
}

/// A text that is no id of a [`SealKey`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a seal key's id is 1 to 32 of a-z, 0-9 and -, not {found:?}")]
pub struct InvalidKeyId {
    /// What was found instead.
    pub found: Box<str>,
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
            inner_pad: pad(secret, 0x36),
            outer_pad: pad(secret, 0x5c),
        })
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
        let mac = hex(self.mac(text.as_bytes()));
        format!("{text}:{mac}")
    }

    pub(super) const fn pads(&self) -> [&[u8]; 2] {
        [&self.inner_pad, &self.outer_pad]
    }

    fn mac(&self, text: &[u8]) -> [u8; 32] {
        let inner = Sha256::new()
            .chain_update(self.inner_pad)
            .chain_update(text);
        Sha256::new()
            .chain_update(self.outer_pad)
            .chain_update(inner.finalize())
            .finalize()
            .into()
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

fn pad(secret: [u8; 32], with: u8) -> [u8; BLOCK] {
    let mut pad = [with; BLOCK];
    for (byte, key) in pad.iter_mut().zip(secret) {
        *byte ^= key;
    }
    pad
}

#[cfg(test)]
mod tests {
    use super::{SealKey, hex};

    /// RFC 4231, test cases 1, 2 and 3; a shorter key is padded with zeros, as RFC 2104 says.
    #[test]
    fn the_mac_is_hmac_sha256() {
        for (secret, text, expect) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 20],
                &[0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
        ] {
            let mut padded = [0; 32];
            padded[..secret.len()].copy_from_slice(secret);
            let key = SealKey::new("k", padded).unwrap();
            assert_eq!(hex(key.mac(text)), expect);
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        let key = SealKey::new("k-1", [0xab; 32]).unwrap();
        assert_eq!(format!("{key:?}"), r#"SealKey { id: "k-1", .. }"#);
    }

    #[test]
    fn ids_stand_in_a_seal_unchanged() {
        for id in ["", "a:b", "a'b", "A", "ä", &"x".repeat(33)] {
            assert!(SealKey::new(id, [1; 32]).is_err(), "{id}");
        }
    }
}
