//! What a cart may hold. Pure.

use super::CartError;
use crate::shop::checkout::{MAX_LINES, MAX_QUANTITY};

/// What shall become of a cart's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// So many more.
    Add(i64),
    /// Exactly so many; none removes the line.
    Set(i64),
}

impl Change {
    /// How many the line has afterwards. `lines` is how many lines the cart has, `held` what this one has, 0
    /// when the cart has no such line. A cart holds at most what one checkout takes.
    ///
    /// # Errors
    /// [`CartError`]; the cart stays as it is.
    pub fn apply(self, lines: usize, held: i64) -> Result<i64, CartError> {
        let after = match self {
            Self::Add(asked @ 1..=MAX_QUANTITY) if held + asked > MAX_QUANTITY => {
                return Err(CartError::LineFull { held, asked });
            }
            Self::Add(more @ 1..=MAX_QUANTITY) => held + more,
            Self::Set(exactly @ 0..=MAX_QUANTITY) => exactly,
            Self::Add(asked) | Self::Set(asked) => return Err(CartError::Quantity { asked }),
        };
        if held == 0 && after > 0 && lines >= MAX_LINES {
            return Err(CartError::Full);
        }
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(change: Change, (lines, held): (usize, i64), expect: Result<i64, CartError>) {
        assert_eq!(change.apply(lines, held), expect, "{change:?}");
    }

    #[test]
    fn a_line_has_1_to_1000_and_a_cart_100_lines() {
        check(Change::Add(1), (0, 0), Ok(1));
        check(Change::Add(2), (1, 3), Ok(5));
        check(Change::Add(1_000), (99, 0), Ok(1_000));
        check(Change::Set(7), (1, 3), Ok(7));
        check(Change::Set(0), (1, 3), Ok(0));
        check(Change::Set(0), (100, 0), Ok(0));
        check(Change::Add(1), (100, 5), Ok(6));
        let full = CartError::LineFull {
            held: 999,
            asked: 2,
        };
        check(Change::Add(2), (1, 999), Err(full));
        check(Change::Add(1), (100, 0), Err(CartError::Full));
        check(Change::Set(1), (100, 0), Err(CartError::Full));
        for asked in [0, -1, 1_001, i64::MAX, i64::MIN] {
            check(
                Change::Add(asked),
                (0, 0),
                Err(CartError::Quantity { asked }),
            );
        }
        for asked in [-1, 1_001, i64::MAX, i64::MIN] {
            check(
                Change::Set(asked),
                (1, 3),
                Err(CartError::Quantity { asked }),
            );
        }
    }

    fn any_change() -> impl Strategy<Value = (u8, Change)> {
        let quantity = prop_oneof![-2_i64..6, 990_i64..1_010, any::<i64>()];
        let change = (any::<bool>(), quantity);
        let change = change.prop_map(|(add, n)| if add { Change::Add(n) } else { Change::Set(n) });
        (0_u8..120, change)
    }

    proptest! {
        #[test]
        fn no_sequence_of_changes_leads_beyond_the_limits(
            changes in prop::collection::vec(any_change(), 1..300),
        ) {
            let mut cart: BTreeMap<u8, i64> = BTreeMap::new();
            for (variant, change) in changes {
                let held = cart.get(&variant).copied().unwrap_or(0);
                match change.apply(cart.len(), held) {
                    Ok(0) => drop(cart.remove(&variant)),
                    Ok(after) => drop(cart.insert(variant, after)),
                    Err(_) => {}
                }
                prop_assert!(cart.len() <= 100);
                prop_assert!(cart.values().all(|held| (1..=1_000).contains(held)));
            }
        }
    }
}
