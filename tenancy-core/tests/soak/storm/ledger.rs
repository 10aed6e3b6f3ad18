//! What is known of a tenant, and what is there.

use std::collections::BTreeSet;

use tenancy_core::types::Epoch;

/// Lines of a batch, which are written by one transaction.
pub(super) const LINES: i64 = 3;

/// What is known of a tenant.
#[derive(Debug)]
pub(super) struct Known {
    /// The newest epoch that the cell was heard to serve.
    pub(super) epoch: Epoch,
    pub(super) acknowledged: BTreeSet<i64>,
    /// Batches of which it is not known whether they were written.
    pub(super) unknown: BTreeSet<i64>,
}

/// What a transaction finds without a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct Seen {
    rows: i64,
    batches: i64,
    /// Rows that are not the tenant's.
    foreign: i64,
    /// How many batches the tenant's tally counts.
    tally: i64,
}

/// What must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// A row of another tenant was reached.
    Foreign(String),
    Wrong(String),
}

impl Seen {
    /// What is wrong with what a tenant saw, who had been told of `known` batches before.
    pub(super) fn judge(self, tenant: u32, known: usize) -> Option<Finding> {
        let said = format!("tenant {tenant}, of {known} batches, saw {self:?}");
        if self.foreign > 0 {
            return Some(Finding::Foreign(said));
        }
        let is_whole = self.rows == LINES * self.batches && self.tally == self.batches;
        let has_all = usize::try_from(self.batches).is_ok_and(|batches| batches >= known);
        (!is_whole || !has_all).then_some(Finding::Wrong(said))
    }
}

/// What is in the tables at the end, past all isolation.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) batches: BTreeSet<i64>,
    /// Those that have another number of lines, or lines with another tenant's text.
    pub(super) broken: BTreeSet<i64>,
    pub(super) tally: i64,
}

/// How that differs from what the tenant was told.
pub(super) fn compare(tenant: u32, known: &Known, found: &Found) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |what: &str, batches: BTreeSet<i64>| {
        if !batches.is_empty() {
            wrong.push(format!("tenant {tenant}: {what} {batches:?}"));
        }
    };
    say("not whole", found.broken.clone());
    say("lost", &known.acknowledged - &found.batches);
    let expected = &known.acknowledged | &known.unknown;
    say("there, though refused", &found.batches - &expected);
    if i64::try_from(found.batches.len()) != Ok(found.tally) {
        wrong.push(format!(
            "tenant {tenant}: the tally is {} for {} batches",
            found.tally,
            found.batches.len()
        ));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known {
            epoch: Epoch::FIRST,
            acknowledged: BTreeSet::from([1, 2]),
            unknown: BTreeSet::from([3]),
        }
    }

    #[track_caller]
    fn check(batches: &[i64], broken: &[i64], tally: i64, expect: &[&str]) {
        let found = Found {
            batches: batches.iter().copied().collect(),
            broken: broken.iter().copied().collect(),
            tally,
        };
        assert_eq!(compare(5, &known(), &found), expect);
    }

    #[test]
    fn what_was_acknowledged_is_there_and_what_was_refused_is_not() {
        check(&[1, 2], &[], 2, &[]);
        check(&[1, 2, 3], &[], 3, &[]);
        check(&[1], &[], 1, &["tenant 5: lost {2}"]);
        check(&[1, 2, 4], &[], 3, &["tenant 5: there, though refused {4}"]);
        check(&[1, 2], &[2], 2, &["tenant 5: not whole {2}"]);
        check(
            &[1, 2, 3],
            &[],
            2,
            &["tenant 5: the tally is 2 for 3 batches"],
        );
    }

    #[test]
    fn a_reader_sees_whole_batches_of_its_own_and_all_that_it_was_told_of() {
        let fine = Seen {
            rows: 6,
            batches: 2,
            foreign: 0,
            tally: 2,
        };
        assert_eq!(fine.judge(5, 2), None);
        assert_eq!(fine.judge(5, 1), None, "one more than it was told of");
        for wrong in [
            Seen { rows: 5, ..fine },
            Seen { tally: 1, ..fine },
            Seen {
                rows: 3,
                batches: 1,
                tally: 1,
                ..fine
            },
        ] {
            let found = wrong.judge(5, 2);
            assert!(matches!(found, Some(Finding::Wrong(_))), "{found:?}");
        }
        let leaked = Seen { foreign: 1, ..fine };
        let found = leaked.judge(5, 2);
        assert!(matches!(found, Some(Finding::Foreign(_))), "{found:?}");
    }
}
