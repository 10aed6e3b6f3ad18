use std::fmt;

use tenancy_types::TenantId;

use crate::{random, shop::checkout::CheckoutKey};

/// Bytes of a secret.
const BYTES: usize = 32;

/// What opens a cart: 256 random bits, which only the visitor's browser keeps.
///
/// Everything else about the cart is derived from it with BLAKE3, each under a context of its own: the row's
/// key in the database, the token of the forms and the key of a purchase. None of them leads to another.
#[derive(Clone, PartialEq, Eq)]
pub struct CartSecret(String);

impl CartSecret {
    /// A secret that nobody has.
    ///
    /// # Panics
    /// When the operating system gives no randomness.
    #[must_use]
    pub fn random() -> Self {
        Self(random::hex::<BYTES>())
    }

    /// Reads what a cookie says; `None` for what no cart ever had.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let readable = text.len() == 2 * BYTES && text.bytes().all(is_digit);
        readable.then(|| Self(text.to_owned()))
    }

    /// The text for the cookie.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The key of the cart's row, which tells nothing of the secret.
    #[must_use]
    pub fn cart_id(&self) -> String {
        let id = self.derive("tenancy storefront 2026-11 cart id");
        blake3::Hash::from_bytes(id).to_hex().to_string()
    }

    /// The token that the forms of this cart's pages carry at this shop.
    #[must_use]
    pub fn form_token(&self, tenant: TenantId) -> String {
        self.token(tenant).to_hex().to_string()
    }

    /// Whether a form came from this cart's page at this shop. Takes the same time for every wrong token of a
    /// token's length.
    #[must_use]
    pub fn accepts(&self, tenant: TenantId, token: &str) -> bool {
        // Hashes compare in constant time.
        blake3::Hash::from_hex(token).is_ok_and(|token| token == self.token(tenant))
    }

    /// The key under which this cart, as it was with this version, is bought once at this shop. No other cart has
    /// it, and no client can choose it.
    #[must_use]
    pub fn purchase_key(&self, tenant: TenantId, version: i64) -> CheckoutKey {
        let key = self.derive("tenancy storefront 2026-11 purchase key");
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(&tenant.get().to_le_bytes());
        hasher.update(&version.to_le_bytes());
        CheckoutKey::of_cart(hasher.finalize())
    }

    fn token(&self, tenant: TenantId) -> blake3::Hash {
        let key = self.derive("tenancy storefront 2026-11 form token");
        blake3::keyed_hash(&key, &tenant.get().to_le_bytes())
    }

    fn derive(&self, context: &str) -> [u8; 32] {
        blake3::derive_key(context, self.0.as_bytes())
    }
}

impl fmt::Debug for CartSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CartSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(id: u32) -> TenantId {
        TenantId::new(id).unwrap()
    }

    #[test]
    fn only_what_a_cookie_can_hold_is_a_secret() {
        let secret = CartSecret::random();
        assert_eq!(CartSecret::parse(secret.reveal()), Some(secret.clone()));
        assert_ne!(secret, CartSecret::random());
        let long = "a".repeat(65);
        for text in [
            "",
            "a",
            &long,
            &"A".repeat(64),
            &"g".repeat(64),
            &"é".repeat(32),
        ] {
            assert_eq!(CartSecret::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_is_of_one_cart_at_one_shop() {
        let (mine, theirs) = (CartSecret::random(), CartSecret::random());
        let token = mine.form_token(tenant(1));
        assert!(mine.accepts(tenant(1), &token));
        assert!(!mine.accepts(tenant(2), &token), "another shop");
        assert!(!theirs.accepts(tenant(1), &token), "another cart");
        for wrong in [
            "",
            "0",
            &token[1..],
            &mine.cart_id(),
            mine.reveal(),
            &"0".repeat(64),
        ] {
            assert!(!mine.accepts(tenant(1), wrong), "{wrong}");
        }
    }

    #[test]
    fn a_purchase_is_of_one_version_of_one_cart_at_one_shop() {
        let (mine, theirs) = (CartSecret::random(), CartSecret::random());
        let key = mine.purchase_key(tenant(1), 7);
        assert_eq!(key, mine.purchase_key(tenant(1), 7));
        for other in [
            mine.purchase_key(tenant(1), 8),
            mine.purchase_key(tenant(2), 7),
            theirs.purchase_key(tenant(1), 7),
        ] {
            assert_ne!(key, other);
        }
        assert_eq!(CheckoutKey::new(key.as_str()), None, "a client chose it");
    }

    #[test]
    fn nothing_that_is_shown_or_stored_is_the_secret() {
        let secret = CartSecret::random();
        let shown = [
            secret.cart_id(),
            secret.form_token(tenant(1)),
            secret.purchase_key(tenant(1), 0).as_str().to_owned(),
            format!("{secret:?}"),
        ];
        for (index, text) in shown.iter().enumerate() {
            assert!(!text.contains(secret.reveal()), "{text}");
            assert!(!shown[..index].contains(text), "{text} is two things");
        }
    }
}
