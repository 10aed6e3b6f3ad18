//! What a basket costs. Pure.

use crate::{money::Currency, shop::order::Totals};

/// What is being bought, at today's prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    /// The currency of all prices.
    pub currency: Currency,
    /// What is in it.
    pub lines: Vec<BasketLine>,
}

/// One thing of a basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasketLine {
    /// The variant.
    pub variant: i64,
    /// What one costs, in minor units.
    pub unit_price: i64,
    /// How many.
    pub quantity: i64,
    /// What one weighs, in grams; 0 when not said.
    pub grams: i64,
}

/// What shipping costs. A pure function: the same basket costs the same.
pub trait Shipping: Send + Sync + 'static {
    /// Minor units of the basket's currency; `items` is the sum of its lines. Negative is not an amount.
    fn cost(&self, basket: &Basket, items: i64) -> i64;
}

/// What tax comes on top of the prices. A pure function: the same basket is taxed alike.
pub trait Tax: Send + Sync + 'static {
    /// Minor units of the basket's currency on top of items and shipping. Negative is not an amount.
    fn on_top(&self, basket: &Basket, items: i64, shipping: i64) -> i64;
}

/// Shipping costs nothing.
#[derive(Clone, Copy, Debug)]
pub struct FreeShipping;

impl Shipping for FreeShipping {
    fn cost(&self, _: &Basket, _: i64) -> i64 {
        0
    }
}

/// Prices are what the buyer pays, as consumers in Europe see them.
#[derive(Clone, Copy, Debug)]
pub struct PricesIncludeTax;

impl Tax for PricesIncludeTax {
    fn on_top(&self, _: &Basket, _: i64, _: i64) -> i64 {
        0
    }
}

/// What a basket costs; `None` when that is no amount of money.
#[must_use]
pub fn totals(basket: &Basket, shipping: &dyn Shipping, tax: &dyn Tax) -> Option<Totals> {
    let amount = |minor: i64| (minor >= 0).then_some(minor);
    let items = basket.lines.iter().try_fold(0_i64, |sum, line| {
        sum.checked_add(amount(line.unit_price)?.checked_mul(amount(line.quantity)?)?)
    })?;
    let shipping = amount(shipping.cost(basket, items))?;
    let tax = amount(tax.on_top(basket, items, shipping))?;
    Some(Totals {
        currency: basket.currency,
        items,
        shipping,
        tax,
        total: items.checked_add(shipping)?.checked_add(tax)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Flat(i64);

    impl Shipping for Flat {
        fn cost(&self, _: &Basket, _: i64) -> i64 {
            self.0
        }
    }

    impl Tax for Flat {
        fn on_top(&self, _: &Basket, items: i64, shipping: i64) -> i64 {
            (items / 100 + shipping / 100).saturating_mul(self.0)
        }
    }

    fn basket(lines: &[(i64, i64)]) -> Basket {
        let line = |&(unit_price, quantity)| BasketLine {
            variant: 1,
            unit_price,
            quantity,
            grams: 0,
        };
        Basket {
            currency: Currency::from_code("EUR").unwrap(),
            lines: lines.iter().map(line).collect(),
        }
    }

    #[test]
    fn lines_shipping_and_tax_add_up() {
        let found = totals(&basket(&[(1_250, 2), (99, 1)]), &Flat(500), &Flat(20)).unwrap();
        assert_eq!(
            (found.items, found.shipping, found.tax, found.total),
            (2_599, 500, 600, 3_699)
        );
        let plain = totals(&basket(&[(1_250, 2)]), &FreeShipping, &PricesIncludeTax).unwrap();
        assert_eq!((plain.tax, plain.total), (0, 2_500));
    }

    #[test]
    fn what_is_no_amount_has_no_total() {
        let free = (&FreeShipping, &PricesIncludeTax);
        for lines in [
            &[(i64::MAX, 2)][..],
            &[(i64::MAX, 1), (1, 1)],
            &[(-1, 1)],
            &[(1, -1)],
        ] {
            assert_eq!(totals(&basket(lines), free.0, free.1), None, "{lines:?}");
        }
        assert_eq!(totals(&basket(&[(1, 1)]), &Flat(-1), free.1), None);
        assert_eq!(totals(&basket(&[(i64::MAX, 1)]), &Flat(1), free.1), None);
    }

    proptest! {
        #[test]
        fn the_total_is_the_exact_sum_or_none(
            lines in prop::collection::vec((0_i64..=i64::MAX, 1_i64..=1_000), 0..20),
            shipping in 0_i64..=i64::MAX,
        ) {
            let exact: i128 = lines.iter().map(|&(price, count)| i128::from(price) * i128::from(count)).sum();
            let exact = exact + i128::from(shipping);
            let found = totals(&basket(&lines), &Flat(shipping), &PricesIncludeTax);
            prop_assert_eq!(found.map(|totals| totals.total), i64::try_from(exact).ok());
        }
    }
}
