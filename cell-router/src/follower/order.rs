//! Whether entries come in their order: pure.

use std::collections::VecDeque;

use tenancy_types::Revision;

/// How many entries are remembered. A source that repeats one from further back is taken for one that left it out.
const REMEMBERED: usize = 1_024;

/// What came since a stream began.
#[derive(Debug)]
pub(super) struct Order {
    /// Everything up to here was known before.
    start: Revision,
    /// The last that came, rising.
    seen: VecDeque<Revision>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Next,
    /// It was there before.
    Repeated,
    /// It may have been left out before, and others with it.
    Late,
}

impl Order {
    pub(super) fn behind(start: Revision) -> Self {
        Self {
            start,
            seen: VecDeque::new(),
        }
    }

    pub(super) fn arrive(&mut self, revision: Revision) -> Arrival {
        let last = self.seen.back().copied().unwrap_or(self.start);
        if revision > last {
            if self.seen.len() == REMEMBERED {
                self.seen.pop_front();
            }
            self.seen.push_back(revision);
            Arrival::Next
        } else if revision <= self.start || self.seen.binary_search(&revision).is_ok() {
            Arrival::Repeated
        } else {
            Arrival::Late
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Nothing that did not come before is taken for a repetition, and of the last entries none is taken for late.
        #[test]
        fn what_is_repeated_was_there(
            start in 0..10_u64,
            revisions in prop::collection::vec(0..2_500_u64, 0..1_500),
        ) {
            let mut order = Order::behind(Revision::new(start));
            let (mut came, mut last) = (BTreeSet::new(), start);
            for revision in revisions {
                let known = revision <= start || came.contains(&revision);
                let recent = came.iter().rev().take(REMEMBERED).any(|seen| *seen == revision);
                match order.arrive(Revision::new(revision)) {
                    Arrival::Next => {
                        prop_assert!(revision > last);
                        came.insert(revision);
                        last = revision;
                    }
                    Arrival::Repeated => prop_assert!(known),
                    Arrival::Late => prop_assert!(revision < last && revision > start && !recent),
                }
            }
        }
    }
}
