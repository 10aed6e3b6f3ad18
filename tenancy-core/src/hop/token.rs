//! The token's bytes: pure.

use tenancy_types::{Placement, TenantId};

use super::{HopClaim, HopRefused};
use crate::keys::{Keyring, SecretKey};

const VERSION: u8 = 1;
const PURPOSE: &str = "tenancy hop";

/// Tenant, placement and second.
const CLAIM: usize = 4 + 8 + 4;

/// A claim, signed.
pub(super) fn encode(claim: &HopClaim, key: &SecretKey) -> String {
    let mut bytes = [0; CLAIM];
    bytes[..4].copy_from_slice(&claim.tenant.get().to_be_bytes());
    bytes[4..12].copy_from_slice(&claim.placement.to_word().to_be_bytes());
    bytes[12..].copy_from_slice(&claim.issued.to_be_bytes());
    key.token(PURPOSE, VERSION, &bytes)
}

/// What a token says, if one of these keys has signed it.
pub(super) fn decode(token: &[u8], keys: &Keyring) -> Result<HopClaim, HopRefused> {
    let claim = keys.check(PURPOSE, VERSION, token)?;
    read(&claim).ok_or(HopRefused::Malformed)
}

fn read(claim: &[u8; CLAIM]) -> Option<HopClaim> {
    let (tenant, rest) = claim.split_first_chunk()?;
    let (placement, issued) = rest.split_first_chunk()?;
    Some(HopClaim {
        tenant: TenantId::new(u32::from_be_bytes(*tenant))?,
        placement: Placement::from_word(u64::from_be_bytes(*placement)).ok()?,
        issued: u32::from_be_bytes(issued.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use proptest::{collection::vec, prelude::*};
    use tenancy_types::{CellId, Epoch, Lifecycle};

    use super::*;

    fn key(id: &str, secret: u8) -> SecretKey {
        SecretKey::new(id, [secret; 32]).unwrap()
    }

    fn claim() -> HopClaim {
        let cell = CellId::new(3).unwrap();
        HopClaim {
            tenant: TenantId::new(4_711).unwrap(),
            placement: Placement::new(cell, Lifecycle::Active, Epoch::new(1, 9)),
            issued: 1_763_900_000,
        }
    }

    fn bytes(claim: &HopClaim, key: &SecretKey) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(encode(claim, key)).unwrap()
    }

    fn decode_bytes(token: &[u8], keys: &Keyring) -> Result<HopClaim, HopRefused> {
        decode(URL_SAFE_NO_PAD.encode(token).as_bytes(), keys)
    }

    /// Tokens are read by programs of other versions.
    #[test]
    fn the_form_of_version_1_stays_as_it_is() {
        let digits = crate::keys::hex::hex(bytes(&claim(), &key("k-1", 7)));
        expect_test::expect![
            "01036b2d310000126700320001000000096922fa607f5b560d27ce909961e80773a3d29623"
        ]
        .assert_eq(&digits);
    }

    #[test]
    fn keys_change_without_a_gap() {
        let (old, new) = (key("old", 1), key("new", 2));
        let rings = [
            Keyring::new(old.clone()),
            Keyring::new(old.clone()).with(new.clone()),
            Keyring::new(new.clone()).with(old.clone()),
            Keyring::new(new.clone()),
        ];
        // Processes take each step at another time, but no step before all have taken the one before it.
        for at in 0..rings.len() - 1 {
            for (signs, checks) in [(at, at + 1), (at + 1, at)] {
                let token = encode(&claim(), rings[signs].signing());
                assert_eq!(
                    decode(token.as_bytes(), &rings[checks]),
                    Ok(claim()),
                    "{signs} {checks}"
                );
            }
        }
        let late = decode(encode(&claim(), &old).as_bytes(), &rings[3]);
        assert_eq!(late, Err(HopRefused::UnknownKey { id: "old".into() }));
        let forged = decode(encode(&claim(), &key("new", 3)).as_bytes(), &rings[3]);
        assert_eq!(forged, Err(HopRefused::Forged));
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            tenant in 1..=u32::MAX,
            cell in 1..4_096_u16,
            (incarnation, seq) in any::<(u16, u32)>(),
            moving: bool,
            issued: u32,
        ) {
            let cell = CellId::new(cell).unwrap();
            let placement = Placement::new(cell, Lifecycle::ReadOnly, Epoch::new(incarnation, seq));
            let claim = HopClaim {
                tenant: TenantId::new(tenant).unwrap(),
                placement: Placement { moving, ..placement },
                issued,
            };
            let ring = Keyring::new(key("k-1", 7));
            let token = encode(&claim, ring.signing());
            prop_assert_eq!(decode(token.as_bytes(), &ring), Ok(claim));
        }

        /// Every bit counts, and so does every byte.
        #[test]
        fn what_was_changed_is_refused(at: usize, bit in 0..8_u32, cut: usize, more in vec(any::<u8>(), 1..4)) {
            let ring = Keyring::new(key("k-1", 7)).with(key("k-2", 8));
            let token = bytes(&claim(), ring.signing());
            let mut flipped = token.clone();
            let place = at % token.len();
            flipped[place] ^= 1 << bit;
            prop_assert!(decode_bytes(&flipped, &ring).is_err());
            prop_assert!(decode_bytes(&token[..cut % token.len()], &ring).is_err());
            let longer = [token, more].concat();
            prop_assert!(decode_bytes(&longer, &ring).is_err());
        }

        #[test]
        fn anything_else_is_refused(bytes in vec(any::<u8>(), 0..100)) {
            let ring = Keyring::new(key("k-1", 7));
            prop_assert!(decode(&bytes, &ring).is_err());
            prop_assert!(decode_bytes(&bytes, &ring).is_err());
        }
    }
}
