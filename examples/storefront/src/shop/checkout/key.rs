/// A client's name for one checkout: the same key with the same request has the same answer.
///
/// It means something in one shop only; another shop's checkout of the same key is another checkout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckoutKey(Box<str>);

impl CheckoutKey {
    /// A key of 1 to 255 visible ASCII characters, or `None`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let valid =
            (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
