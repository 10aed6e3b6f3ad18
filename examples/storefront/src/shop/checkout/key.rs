/// A name for one checkout: the same key with the same request has the same answer.
///
/// It means something in one shop only; another shop's checkout of the same key is another checkout. The keys of
/// carts have a space in them and those that clients choose have none, so nobody can name the purchase of a cart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckoutKey(Box<str>);

impl CheckoutKey {
    /// A client's key of 1 to 255 visible ASCII characters, or `None`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let valid =
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| Self(text.into()))
    }

    /// The key of a cart's purchase, of which this hash says which one it is.
    pub(in crate::shop) fn of_cart(purchase: blake3::Hash) -> Self {
        Self(format!("cart {}", purchase.to_hex()).into())
    }

    /// A key as it stands in a row.
    pub(in crate::shop) fn stored(text: String) -> Self {
        Self(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
