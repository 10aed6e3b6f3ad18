//! Price ranges that people would choose themselves: "up to 20", "20 to 50".

/// How many bounds there are at most, and so one range more.
pub(super) const BOUNDS: usize = 7;

/// Where ranges between the lowest and the highest price begin, in minor units, rising.
///
/// Bounds are 1, 2 or 5 times a power of ten; only powers of ten when that would be more than [`BOUNDS`], and
/// then the highest of them. Each is above the lowest price and at most the highest, so the first range and
/// the last are never empty. No bounds when there is nothing to divide.
pub(super) fn bounds(lowest: i64, highest: i64) -> Vec<i64> {
    let fine = series(&[1, 2, 5], lowest, highest);
    if fine.len() <= BOUNDS {
        return fine;
    }
    let coarse = series(&[1], lowest, highest);
    coarse[coarse.len().saturating_sub(BOUNDS)..].to_vec()
}

fn series(leading: &[i64], lowest: i64, highest: i64) -> Vec<i64> {
    let powers = (0..19).map(|exponent| 10_i64.pow(exponent));
    powers
        .flat_map(|power| {
            leading
                .iter()
                .filter_map(move |digit| digit.checked_mul(power))
        })
        .filter(|bound| lowest < *bound && *bound <= highest)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bounds_are_round() {
        for (lowest, highest, expect) in [
            (0, 0, &[][..]),
            (1_250, 1_250, &[]),
            (1_250, 1_300, &[]),
            (900, 5_000, &[1_000, 2_000, 5_000]),
            (1_250, 9_900, &[2_000, 5_000]),
            (100, 1_000_000, &[1_000, 10_000, 100_000, 1_000_000]),
        ] {
            assert_eq!(bounds(lowest, highest), expect, "{lowest} to {highest}");
        }
    }

    proptest! {
        #[test]
        fn bounds_rise_between_the_prices(lowest in 0..i64::MAX, more in 0..i64::MAX) {
            let highest = lowest.saturating_add(more);
            let bounds = bounds(lowest, highest);
            prop_assert!(bounds.len() <= BOUNDS);
            prop_assert!(bounds.is_sorted_by(|a, b| a < b));
            prop_assert!(bounds.iter().all(|bound| lowest < *bound && *bound <= highest));
        }
    }
}
