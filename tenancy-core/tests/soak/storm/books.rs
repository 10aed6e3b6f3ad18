//! What the storm's clients were told, and what they saw.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tenancy_core::types::Epoch;

use super::{Storm, TENANTS};

/// Lines of a batch, which are written by one transaction.
pub(super) const LINES: i64 = 3;

/// How often a storm has done each of these before it may end, however slow the machine.
const ENOUGH: u64 = 16;
const DEEDS: [&str; 4] = ["read", "written", "dropped", "panicked"];

/// What is known of a tenant.
#[derive(Debug)]
pub(super) struct Known {
    /// The newest epoch that the cell was heard to serve.
    pub(super) epoch: Epoch,
    pub(super) acknowledged: BTreeSet<i64>,
    /// Batches of which it is not known whether they were written.
    pub(super) unknown: BTreeSet<i64>,
}

pub(super) struct Books {
    tenants: Vec<Mutex<Known>>,
    counts: Mutex<BTreeMap<String, u64>>,
    wrong: Mutex<Vec<String>>,
    foreign: Mutex<Vec<String>>,
}

/// What came of a storm.
pub(crate) struct Outcome {
    storm: Storm,
    counts: BTreeMap<String, u64>,
    wrong: Vec<String>,
    foreign: Vec<String>,
}

impl Books {
    pub(super) fn new() -> Self {
        let known = || Known {
            epoch: Epoch::FIRST,
            acknowledged: BTreeSet::new(),
            unknown: BTreeSet::new(),
        };
        Self {
            tenants: (0..TENANTS).map(|_| Mutex::new(known())).collect(),
            counts: Mutex::default(),
            wrong: Mutex::default(),
            foreign: Mutex::default(),
        }
    }

    pub(super) fn of(&self, tenant: u32) -> MutexGuard<'_, Known> {
        lock(&self.tenants[tenant as usize - 1])
    }

    pub(super) fn count(&self, what: impl Into<String>) {
        *lock(&self.counts).entry(what.into()).or_default() += 1;
    }

    /// A row of another tenant was read.
    pub(super) fn saw_foreign(&self, what: String) {
        lock(&self.foreign).push(what);
    }

    /// Something else that must not be.
    pub(super) fn wrong(&self, what: String) {
        lock(&self.wrong).push(what);
    }

    /// Whether the storm did so much that it proves something.
    pub(super) fn is_enough(&self) -> bool {
        is_enough(&lock(&self.counts))
    }

    pub(super) fn outcome(&self, storm: Storm) -> Outcome {
        Outcome {
            storm,
            counts: lock(&self.counts).clone(),
            wrong: lock(&self.wrong).clone(),
            foreign: lock(&self.foreign).clone(),
        }
    }
}

fn is_enough(counts: &BTreeMap<String, u64>) -> bool {
    DEEDS
        .iter()
        .all(|deed| counts.get(*deed).is_some_and(|count| *count >= ENOUGH))
}

fn lock<T>(books: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of a client is part of the storm, and never in the middle of an entry.
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Outcome {
    /// Asserts that nothing foreign was seen and nothing was lost, by a storm that did something.
    pub(crate) fn assert_isolated(&self) {
        assert!(self.foreign.is_empty(), "{:#?}\n{self}", self.foreign);
        assert!(self.wrong.is_empty(), "{:#?}\n{self}", self.wrong);
        assert!(is_enough(&self.counts), "it did too little: {self}");
    }

    pub(crate) fn assert_leaked(&self) {
        assert!(!self.foreign.is_empty(), "nothing foreign was seen: {self}");
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            storm,
            counts,
            wrong,
            foreign,
        } = self;
        let (wrong, foreign) = (wrong.len(), foreign.len());
        write!(f, "{storm:?}: {foreign} foreign, {wrong} wrong; {counts:?}")
    }
}
