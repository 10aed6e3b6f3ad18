//! What a limit answers.

use std::time::Duration;

use tenancy_types::Nanos;

use crate::{Pace, Refusal, gcra};

/// The answer of a limit. "Over the limit" is an answer, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a request that was refused must not go on"]
pub enum Decision {
    /// The request may go on; its cost is spent.
    Allowed(Standing),
    /// Not now; nothing was spent.
    Denied {
        /// Where the bucket stands.
        standing: Standing,
        /// It would be allowed this much later, if nothing else is until then, and not a nanosecond earlier.
        retry_after: Duration,
    },
    /// It costs more than the whole burst, so it would never be allowed; nothing was spent.
    TooCostly {
        /// Where the bucket stands.
        standing: Standing,
        /// What it would have cost.
        cost: u32,
    },
}

impl Decision {
    /// Whether the request may go on.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// Where the bucket stands after the decision.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match *self {
            Self::Allowed(standing)
            | Self::Denied { standing, .. }
            | Self::TooCostly { standing, .. } => standing,
        }
    }

    /// Why the request may not go on, as a [`Problem`](tenancy_types::Problem); `None` when it may.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        match *self {
            Self::Allowed(_) => None,
            Self::Denied { retry_after, .. } => Some(Refusal::RateLimited { retry_after }),
            Self::TooCostly { standing, cost } => Some(Refusal::TooCostly {
                cost,
                burst: standing.burst(),
            }),
        }
    }
}

/// Where a bucket stands against its quota at the moment of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    bucket: Bucket,
    pace: Pace,
    debt: u64,
}

impl Standing {
    pub(crate) const fn new(bucket: Bucket, pace: Pace, arrival: Nanos, now: Nanos) -> Self {
        let debt = gcra::debt(arrival, now);
        Self { bucket, pace, debt }
    }

    /// How many units could be taken at once now.
    #[must_use]
    pub const fn remaining(&self) -> u32 {
        self.pace.remaining(self.debt)
    }

    /// How long until the whole burst is there again, if nothing more is taken.
    #[must_use]
    pub const fn reset_after(&self) -> Duration {
        Duration::from_nanos(self.debt)
    }

    /// How many units a full bucket holds.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.pace.burst()
    }

    /// How long an empty bucket takes to be full.
    #[must_use]
    pub const fn refill(&self) -> Duration {
        self.pace.refill()
    }

    /// Whose bucket it is.
    #[must_use]
    pub const fn bucket(&self) -> Bucket {
        self.bucket
    }
}

/// Whose bucket a request was counted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bucket {
    /// The tenant's own.
    Tenant,
    /// The one that all share who have none of their own: unidentified callers, and tenants without a plan
    /// or beyond the capacity.
    Shared,
}
