use proptest::{collection::vec, prelude::*};
use tenancy_types::{Epoch, Lifecycle};

use super::*;

fn key(id: &str, secret: u8) -> SecretKey {
    SecretKey::new(id, [secret; 32]).unwrap()
}

fn cell(n: u16) -> CellId {
    CellId::new(n).unwrap()
}

fn tenant(n: u32) -> TenantId {
    TenantId::new(n).unwrap()
}

fn hint() -> Hint {
    Hint {
        issuer: cell(2),
        tenant: tenant(4_711),
        placement: Placement::new(cell(3), Lifecycle::Active, Epoch::new(1, 9)),
        issued: 1_763_900_000,
    }
}

/// The numbers of base64's letters, so that single bits of what they stand for can be changed.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Gateways and cells may be of other versions.
#[test]
fn the_form_of_version_1_stays_as_it_is() {
    assert_eq!(hint().encode(&key("k-1", 7)), FORM);
    assert_eq!(
        Hint::decode(FORM.as_bytes(), &Keyring::new(key("k-1", 7))),
        Ok(hint())
    );
}

const FORM: &str = "AQNrLTEAAgAAEmcAMgABAAAACWki-mAKSO90Y8CmFF1sQ7D5nWLz";

#[test]
fn keys_change_without_a_gap() {
    let both = Keyring::new(key("new", 2)).with(key("old", 1));
    for signs in [key("new", 2), key("old", 1)] {
        let token = hint().encode(&signs);
        assert_eq!(Hint::decode(token.as_bytes(), &both), Ok(hint()));
    }
    let late = Hint::decode(
        hint().encode(&key("old", 1)).as_bytes(),
        &Keyring::new(key("new", 2)),
    );
    assert_eq!(late, Err(TokenRefused::UnknownKey { id: "old".into() }));
    let forged = Hint::decode(hint().encode(&key("new", 3)).as_bytes(), &both);
    assert_eq!(forged, Err(TokenRefused::Forged));
}

/// Whoever sees a token of a request cannot make a hint of it, though one ring signs both.
#[test]
fn what_was_signed_for_another_purpose_is_no_hint() {
    let ring = Keyring::new(key("k-1", 7));
    let token = ring.signing().token("tenancy hop", VERSION, &[1; CLAIM]);
    let said = Hint::decode(token.as_bytes(), &ring);
    assert_eq!(said, Err(TokenRefused::Forged));
}

#[test]
fn it_answers_what_was_asked() {
    let route = |at: u16, n: u32| Route {
        tenant: tenant(n),
        placement: Placement::new(cell(at), Lifecycle::Active, Epoch::FIRST),
    };
    let hint = hint();
    assert_eq!(hint.answers(route(2, 4_711)), Ok(()));
    let (asked, issuer) = (cell(3), cell(2));
    let refused = Err(HintRefused::OtherCell { asked, issuer });
    assert_eq!(hint.answers(route(3, 4_711)), refused);
    let (asked, found) = (tenant(1), tenant(4_711));
    let refused = Err(HintRefused::OtherTenant { asked, found });
    assert_eq!(hint.answers(route(2, 1)), refused);
}

#[test]
fn it_is_good_for_a_while() {
    let seconds = Duration::from_secs;
    let issued = i64::from(hint().issued);
    for (age, is_good) in [(-6, false), (-5, true), (0, true), (35, true), (36, false)] {
        let said = hint().is_of(issued + age, seconds(30), seconds(5));
        assert_eq!(said.is_ok(), is_good, "{age} {said:?}");
    }
}

proptest! {
    #[test]
    fn what_was_encoded_is_decoded(
        (issuer, at) in (1..4_096_u16, 1..4_096_u16),
        id in 1..=u32::MAX,
        (incarnation, seq) in any::<(u16, u32)>(),
        moving: bool,
        issued: u32,
    ) {
        let placement = Placement::new(cell(at), Lifecycle::ReadOnly, Epoch::new(incarnation, seq));
        let placement = Placement { moving, ..placement };
        let hint = Hint { issuer: cell(issuer), tenant: tenant(id), placement, issued };
        let ring = Keyring::new(key("k-1", 7));
        let token = hint.encode(ring.signing());
        prop_assert_eq!(Hint::decode(token.as_bytes(), &ring), Ok(hint));
    }

    /// Every bit counts, and so does every letter.
    #[test]
    fn what_was_changed_is_refused(at: usize, bit in 0..6_u32, cut: usize, more in vec(0..64_usize, 1..4)) {
        let ring = Keyring::new(key("k-1", 7)).with(key("k-2", 8));
        let token = hint().encode(ring.signing()).into_bytes();
        let mut flipped = token.clone();
        let place = at % token.len();
        let number = LETTERS.iter().position(|letter| *letter == token[place]).unwrap();
        flipped[place] = LETTERS[number ^ (1 << bit)];
        prop_assert!(Hint::decode(&flipped, &ring).is_err());
        prop_assert!(Hint::decode(&token[..cut % token.len()], &ring).is_err());
        let more = more.into_iter().map(|number| LETTERS[number]);
        let longer: Vec<u8> = token.iter().copied().chain(more).collect();
        prop_assert!(Hint::decode(&longer, &ring).is_err());
    }

    #[test]
    fn anything_else_is_refused(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(Hint::decode(&bytes, &Keyring::new(key("k-1", 7))).is_err());
    }
}
