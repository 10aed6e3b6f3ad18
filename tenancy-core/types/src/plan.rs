use std::{
    fmt,
    num::{NonZeroU16, NonZeroU32},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use crate::{Quota, WorkBudget};

/// The name of a plan: 1 to 32 of `a-z 0-9 - _`, starting with a letter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlanName(Arc<str>);

impl PlanName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PlanName {
    type Err = InvalidPlanName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        let valid = (1..=32).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(allowed);
        if valid {
            Ok(Self(text.into()))
        } else {
            Err(InvalidPlanName { found: text.into() })
        }
    }
}

impl fmt::Display for PlanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PlanName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no [`PlanName`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a plan's name is 1 to 32 of a-z, 0-9, hyphen and underscore and starts with a letter, not {found:?}"
)]
pub struct InvalidPlanName {
    /// What was found instead.
    pub found: Box<str>,
}

/// A named set of what a tenant may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: PlanName,
    /// Requests a second, and at once after a pause.
    pub quota: Quota,
    /// Requests in flight at one time.
    pub concurrency: NonZeroU32,
    /// Database work of one request.
    pub work: WorkBudget,
}

/// The place of a plan in its [`PlanSet`]: what is stored per tenant in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlanIndex(u16);

impl PlanIndex {
    /// The number; below the set's length.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// The plans of a platform: at least one, each name once, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanSet(Arc<[Plan]>);

impl PlanSet {
    /// A set of plans.
    ///
    /// # Errors
    /// [`InvalidPlanSet`] when there is none, a name stands twice, or there are more than 65,535.
    pub fn new(plans: impl IntoIterator<Item = Plan>) -> Result<Self, InvalidPlanSet> {
        let plans: Arc<[Plan]> = plans.into_iter().collect();
        if plans.is_empty() {
            return Err(InvalidPlanSet::Empty);
        }
        if plans.len() > usize::from(u16::MAX) {
            return Err(InvalidPlanSet::TooMany { found: plans.len() });
        }
        for (at, plan) in plans.iter().enumerate() {
            if plans[..at].iter().any(|earlier| earlier.name == plan.name) {
                return Err(InvalidPlanSet::Duplicate {
                    name: plan.name.clone(),
                });
            }
        }
        Ok(Self(plans))
    }

    /// Three plans to start with: basic (50/s, burst 500), professional (500/s, burst 5,000) and enterprise
    /// (5,000/s, burst 50,000).
    #[must_use]
    pub fn standard() -> Self {
        let plan = |name: &str, rate, concurrency, connections| Plan {
            name: name.parse().expect("the name is valid"),
            quota: Quota::per_second(rate)
                .and_then(|q| q.with_burst(rate * 10))
                .expect("the quota is in range"),
            concurrency: NonZeroU32::new(concurrency).expect("not zero"),
            work: WorkBudget::new(
                NonZeroU16::new(connections).expect("not zero"),
                Duration::from_secs(5),
            ),
        };
        Self::new([
            plan("basic", 50, 32, 4),
            plan("professional", 500, 128, 8),
            plan("enterprise", 5_000, 512, 16),
        ])
        .expect("the names differ")
    }

    /// The plan of this name with its place. Linear in the number of plans.
    #[must_use]
    pub fn find(&self, name: &PlanName) -> Option<(PlanIndex, &Plan)> {
        let at = self.0.iter().position(|plan| plan.name == *name)?;
        Some((PlanIndex(at as u16), &self.0[at]))
    }

    /// The plan at a place of this set, or `None` for a place of a longer one.
    #[must_use]
    pub fn at(&self, index: PlanIndex) -> Option<&Plan> {
        self.0.get(usize::from(index.0))
    }

    /// All plans with their places.
    pub fn iter(&self) -> impl Iterator<Item = (PlanIndex, &Plan)> {
        self.0
            .iter()
            .enumerate()
            .map(|(at, plan)| (PlanIndex(at as u16), plan))
    }
}

/// Why plans make no [`PlanSet`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPlanSet {
    /// There is no plan.
    #[error("there must be at least one plan")]
    Empty,
    /// Two plans have one name.
    #[error("two plans are named {name}")]
    Duplicate {
        /// The name.
        name: PlanName,
    },
    /// More than 65,535.
    #[error("{found} plans are more than 65535")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}
