//! HMAC-SHA256 (RFC 2104).

use sha2::{Digest as _, Sha256};

/// The length of a block of SHA-256, to which HMAC pads its key.
const BLOCK: usize = 64;

/// A key with its two pads.
#[derive(Clone)]
pub(crate) struct Hmac {
    inner_pad: [u8; BLOCK],
    outer_pad: [u8; BLOCK],
}

impl Hmac {
    /// A key of any length; one that is longer than a block is hashed first.
    pub(crate) fn new(key: &[u8]) -> Self {
        let hashed: [u8; 32] = Sha256::digest(key).into();
        let key = if key.len() > BLOCK { &hashed } else { key };
        Self {
            inner_pad: pad(key, 0x36),
            outer_pad: pad(key, 0x5c),
        }
    }

    /// The inner and the outer one.
    #[cfg(feature = "postgres")]
    pub(crate) const fn pads(&self) -> [&[u8]; 2] {
        [&self.inner_pad, &self.outer_pad]
    }

    /// Of these parts, one behind the other.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let begun = Sha256::new().chain_update(self.inner_pad);
        let inner = parts.iter().fold(begun, Sha256::chain_update);
        Sha256::new()
            .chain_update(self.outer_pad)
            .chain_update(inner.finalize())
            .finalize()
            .into()
    }
}

fn pad(key: &[u8], with: u8) -> [u8; BLOCK] {
    let mut pad = [with; BLOCK];
    for (byte, key) in pad.iter_mut().zip(key) {
        *byte ^= key;
    }
    pad
}

#[cfg(test)]
mod tests {
    use super::Hmac;
    use crate::keys::hex::hex;

    /// RFC 4231, test cases 1, 2, 3 and 6.
    #[test]
    fn it_is_hmac_sha256() {
        for (key, text, expect) in [
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
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex(Hmac::new(key).mac(&[text])), expect);
        }
    }
}
