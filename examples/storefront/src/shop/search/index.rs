//! The words by which a product is found, and how much each weighs.

use std::collections::BTreeMap;

use super::words::words;
use crate::import::Product;

const TITLE: i64 = 8;
const VENDOR_OR_TYPE: i64 = 4;
const TAG: i64 = 2;

/// Words of one product at most: the heaviest fields come first, so tags are what is cut.
const WORDS: usize = 1_000;

/// Each word of the product with the weight of the best field that has it.
#[must_use]
pub fn weighted_words(product: &Product) -> BTreeMap<String, i64> {
    let tags = product.tags.iter().map(|tag| (tag, TAG));
    let fields = [
        (&product.title, TITLE),
        (&product.vendor, VENDOR_OR_TYPE),
        (&product.product_type, VENDOR_OR_TYPE),
    ];
    let mut weighted = BTreeMap::new();
    for (text, weight) in fields.into_iter().chain(tags) {
        for word in words(text) {
            if weighted.len() == WORDS {
                return weighted;
            }
            // Fields come in falling weight, so the first one is the best.
            weighted.entry(word).or_insert(weight);
        }
    }
    weighted
}
