//! What the storm's clients were told, and what they saw.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tenancy_core::{db::DbError, types::Epoch};

use super::{
    Storm, TENANTS,
    deeds::{Counts, lacking},
    errors::explained,
    ledger::{Finding, Known},
};

/// How many findings are kept, and how much of each.
const SHOWN: usize = 10;
const LENGTH: usize = 400;

pub(super) struct Books {
    tenants: Vec<Mutex<Known>>,
    counts: Mutex<Counts>,
    wrong: Mutex<Findings>,
    foreign: Mutex<Findings>,
}

/// How much there was, and the first of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    count: u64,
    shown: Vec<String>,
}

/// What came of a storm.
pub(crate) struct Outcome {
    storm: Storm,
    counts: Counts,
    wrong: Findings,
    foreign: Findings,
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

    pub(super) fn count(&self, what: &'static str) {
        *lock(&self.counts).entry(what).or_default() += 1;
    }

    /// Counts an error that trouble explains; each other is wrong.
    pub(super) fn failed(&self, who: &str, error: &DbError) {
        match explained(error) {
            Some(name) => self.count(name),
            None => self.wrong(format!("{who}: {error:?}")),
        }
    }

    pub(super) fn found(&self, finding: Option<Finding>) {
        match finding {
            Some(Finding::Foreign(what)) => lock(&self.foreign).add(what),
            Some(Finding::Wrong(what)) => self.wrong(what),
            None => {}
        }
    }

    /// Something that must not be.
    pub(super) fn wrong(&self, what: String) {
        lock(&self.wrong).add(what);
    }

    pub(super) fn has_leaked(&self) -> bool {
        lock(&self.foreign).count > 0
    }

    /// Whether the storm did so much that it proves something.
    pub(super) fn is_enough(&self, storm: Storm) -> bool {
        lacking(storm.line, storm.enough, &lock(&self.counts)).is_empty()
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

fn lock<T>(books: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic of a client is part of the storm, and never in the middle of an entry.
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Findings {
    fn add(&mut self, mut what: String) {
        self.count += 1;
        if self.shown.len() < SHOWN {
            what.truncate(what.floor_char_boundary(LENGTH));
            self.shown.push(what);
        }
    }
}

impl Outcome {
    /// Asserts that nothing foreign was seen and nothing was lost, by a storm that did everything that it is to
    /// do.
    #[track_caller]
    pub(crate) fn assert_isolated(&self) {
        assert_eq!(self.foreign.count, 0, "{:#?}\n{self}", self.foreign.shown);
        assert_eq!(self.wrong.count, 0, "{:#?}\n{self}", self.wrong.shown);
        let lacking = lacking(self.storm.line, self.storm.enough, &self.counts);
        assert!(
            lacking.is_empty(),
            "it proves nothing, it did too little: {lacking:?}\n{self}"
        );
    }

    #[track_caller]
    pub(crate) fn assert_leaked(&self) {
        assert!(self.foreign.count > 0, "nothing foreign was seen: {self}");
    }

    /// Asserts that nothing foreign was seen by readers that did read.
    #[track_caller]
    pub(crate) fn assert_not_leaked(&self) {
        assert_eq!(self.foreign.count, 0, "{:#?}\n{self}", self.foreign.shown);
        let read = self.counts.get("read").copied().unwrap_or_default();
        assert!(read > 20, "only {read} reads: {self}");
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
        let (wrong, foreign) = (wrong.count, foreign.count);
        write!(f, "{storm:?}: {foreign} foreign, {wrong} wrong; {counts:?}")
    }
}

#[test]
fn findings_are_counted_and_the_first_are_shown() {
    let mut findings = Findings::default();
    for _ in 0..1000 {
        findings.add("ö".repeat(1000));
    }
    assert_eq!(findings.count, 1000);
    assert_eq!(findings.shown.len(), SHOWN);
    assert!(findings.shown.iter().all(|what| what.len() <= LENGTH));
}

#[test]
fn an_error_that_no_trouble_explains_is_wrong() {
    let books = Books::new();
    books.failed("tenant 1", &DbError::Busy);
    assert_eq!(lock(&books.wrong).count, 0);
    assert_eq!(lock(&books.counts)["Busy"], 1);
    books.failed("tenant 1", &DbError::NotOurs);
    assert_eq!(lock(&books.wrong).shown, ["tenant 1: NotOurs"]);
}
