use tenancy_types::UnixMicros;

use super::OrderState;
use crate::{
    money::{Currency, Money},
    shop::payment::PaymentKey,
};

/// What somebody bought, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: i64,
    /// What its page is found by; nobody can guess it.
    pub token: String,
    /// What the provider knows its payment by.
    pub payment_key: PaymentKey,
    /// Where it is in its life.
    pub state: OrderState,
    /// The buyer's address.
    pub email: String,
    /// What it costs.
    pub totals: Totals,
    /// Minor units that were given back or are promised to be.
    pub refunded: i64,
    /// When it was made.
    pub created_at: UnixMicros,
    /// When it last changed.
    pub updated_at: UnixMicros,
    /// From when on an order that is still pending is called off.
    pub expires_at: UnixMicros,
    /// What was bought.
    pub lines: Vec<OrderLine>,
}

/// One thing of an order, as it was when it was ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderLine {
    /// Which variant; it may have gone since.
    pub variant: i64,
    /// The product's title.
    pub title: String,
    /// The variant's option values, joined by ` / `; empty when there was nothing to choose.
    pub options: String,
    /// The merchant's number; may be empty.
    pub sku: String,
    /// What one cost, in minor units of the order's currency.
    pub unit_price: i64,
    /// How many were bought, 1 to 1,000.
    pub quantity: i64,
    /// How many of them were taken from stock; the rest is not counted, or delivered later.
    pub from_stock: i64,
}

/// What an order costs, in minor units of one currency. None is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// The currency of all of it.
    pub currency: Currency,
    /// All lines.
    pub items: i64,
    /// Shipping.
    pub shipping: i64,
    /// Tax that comes on top; 0 when prices include it.
    pub tax: i64,
    /// The sum.
    pub total: i64,
}

impl Totals {
    /// The sum as an amount.
    #[must_use]
    pub fn amount(&self) -> Money {
        Money::new(self.total, self.currency)
    }
}
