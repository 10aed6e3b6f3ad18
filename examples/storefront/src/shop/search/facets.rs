use super::{Availability, price};
use crate::money::{Currency, Money};

/// How many products of a result have which properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facets {
    /// All products of the result.
    pub total: i64,
    /// Those that can be bought now.
    pub in_stock: i64,
    /// Vendors, most products first; at most 100.
    pub vendors: Vec<Value>,
    /// Types, likewise.
    pub types: Vec<Value>,
    /// Tags, likewise. A product counts for each of its tags.
    pub tags: Vec<Value>,
    /// Ranges of the lowest price that hold at least one product, cheapest first.
    pub prices: Vec<PriceRange>,
}

/// One value of a facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The vendor, type or tag.
    pub value: String,
    /// How many products have it.
    pub count: i64,
}

/// Products whose lowest price lies between two bounds, both inclusive; without a bound it is open there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRange {
    /// The least price.
    pub min: Option<Money>,
    /// The greatest price.
    pub max: Option<Money>,
    /// How many products.
    pub count: i64,
}

impl Facets {
    /// How many products can, or cannot, be bought now.
    #[must_use]
    pub const fn available(&self, availability: Availability) -> i64 {
        match availability {
            Availability::InStock => self.in_stock,
            Availability::SoldOut => self.total - self.in_stock,
        }
    }
}

/// The parameters of the statement that counts by price: bounds that are not needed are never reached.
pub(super) fn padded(bounds: &[i64]) -> [i64; price::BOUNDS] {
    std::array::from_fn(|index| bounds.get(index).copied().unwrap_or(i64::MAX))
}

/// Ranges from their bounds and the counts by number of range.
pub(super) fn ranges(bounds: &[i64], counts: &[(i64, i64)], currency: Currency) -> Vec<PriceRange> {
    let money = |minor| Money::new(minor, currency);
    let mut all: Vec<PriceRange> = Vec::with_capacity(bounds.len() + 1);
    for index in 0..=bounds.len() {
        let below = index.checked_sub(1).and_then(|below| bounds.get(below));
        all.push(PriceRange {
            min: below.map(|bound| money(*bound)),
            max: bounds.get(index).map(|bound| money(bound - 1)),
            count: 0,
        });
    }
    for (bucket, count) in counts {
        // Beyond the last bound the statement says 7, whatever the number of bounds.
        let index = usize::try_from(*bucket).map_or(bounds.len(), |index| index.min(bounds.len()));
        all[index].count += count;
    }
    all.retain(|range| range.count > 0);
    all
}
