use std::sync::atomic::{AtomicU64, Ordering};

use tenancy_types::Nanos;

/// So many a second, and a few at once: the generic cell rate algorithm (ITU-T I.371) in one word.
pub(super) struct Budget {
    interval: u64,
    tolerance: u64,
    /// When the next one would be due if all came evenly, in nanoseconds.
    arrival: AtomicU64,
}

impl Budget {
    pub(super) fn per_second(rate: u32, burst: u32) -> Self {
        let interval = 1_000_000_000 / u64::from(rate.max(1));
        Self {
            interval,
            tolerance: interval * u64::from(burst.max(1) - 1),
            arrival: AtomicU64::new(0),
        }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&self, now: Nanos) -> bool {
        let next = |arrival| self.next(arrival, now.get());
        let order = Ordering::Relaxed;
        self.arrival.fetch_update(order, order, next).is_ok()
    }

    fn next(&self, arrival: u64, now: u64) -> Option<u64> {
        let due = arrival.max(now);
        (due - now <= self.tolerance).then_some(due + self.interval)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use tenancy_types::Nanos;

    use super::Budget;

    proptest! {
        /// In any span of time no more than the burst and the rate's share of the span.
        #[test]
        fn never_more_than_rate_and_burst(
            rate in 1..1_000_u32,
            burst in 1..50_u32,
            gaps in vec(0..50_000_000_u64, 1..200),
        ) {
            let budget = Budget::per_second(rate, burst);
            let mut now = 1;
            let mut taken = Vec::new();
            for gap in gaps {
                now += gap;
                if budget.take(Nanos::new(now)) {
                    taken.push(now);
                }
            }
            for (at, from) in taken.iter().enumerate() {
                for (to, until) in taken.iter().enumerate().skip(at) {
                    let most = u64::from(burst) + (until - from) / budget.interval;
                    prop_assert!((to - at + 1) as u64 <= most);
                }
            }
        }
    }

    #[test]
    fn what_was_taken_comes_back_with_time() {
        let budget = Budget::per_second(10, 2);
        let take = |ms: u64| budget.take(Nanos::new(1 + ms * 1_000_000));
        assert_eq!([take(0), take(0), take(0)], [true, true, false]);
        assert_eq!([take(99), take(100), take(100)], [false, true, false]);
    }
}
