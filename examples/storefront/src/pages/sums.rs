use crate::{money::Money, shop::order::Totals};

/// What a cart or an order costs, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// All articles.
    pub items: String,
    /// Shipping.
    pub shipping: String,
    /// Tax that comes on top.
    pub tax: String,
    /// What is paid.
    pub total: String,
}

impl Sums {
    pub(super) fn new(totals: &Totals) -> Self {
        let pretty = |minor| Money::new(minor, totals.currency).pretty().to_string();
        let unless_zero = |minor, word: &str| match minor {
            0 => word.to_owned(),
            minor => pretty(minor),
        };
        Self {
            items: pretty(totals.items),
            shipping: unless_zero(totals.shipping, "Free"),
            tax: unless_zero(totals.tax, "Included"),
            total: pretty(totals.total),
        }
    }
}
