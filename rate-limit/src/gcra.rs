//! The decision itself, as a function over values: the Generic Cell Rate Algorithm in its virtual
//! scheduling form (ATM Forum, *Traffic Management Specification 4.1*, section 4.4.2; ITU-T I.371), in the
//! terms that the `governor` crate made known in Rust.
//!
//! # How it works
//!
//! A bucket is one number: the *theoretical arrival time*, the moment at which it will be full again if
//! nothing more is taken. Its distance to now is the *debt*. A unit costs one *interval* (a second divided by
//! the rate), and a request passes when the debt with its cost added is at most *burst* intervals. There
//! is no refill to compute, an idle bucket and a new one are the same, and nothing needs to be swept.
//!
//! # Why it never lets more through
//!
//! Let requests of total cost `C` pass between the moments `s` and `s + T`. The first starts from an arrival
//! time of at least `s`, each moves it by its cost, and after the last it is at most `s + T + burst ×
//! interval`. So `C × interval ≤ T + burst × interval`: at most `burst + T / interval`. The interval is
//! rounded *up* to whole nanoseconds, which makes that at most `burst + rate × T` in every window.
//!
//! # Time that misbehaves
//!
//! When the clock goes back, the debt looks larger than it is, which errs to the strict side. A debt above
//! the whole burst cannot come from requests; see [`Pace::settled`]. At the far end of time (584 years of
//! uptime), where no later arrival time can be written down, everything waits.

use std::time::Duration;

use tenancy_types::{Nanos, Quota};

const SECOND: u32 = 1_000_000_000;

/// A [`Quota`] in the form that decisions need: nanoseconds a unit, and the burst.
///
/// ```
/// use tenancy_rate_limit::{Nanos, Pace, Quota, Verdict};
///
/// let pace = Pace::new(Quota::per_second(10)?.with_burst(2)?);
/// let now = Nanos::new(1);
/// let Verdict::Pass { arrival } = pace.decide(Nanos::default(), now, 2) else { panic!() };
/// // The burst is spent; a tenth of a second later there is one more.
/// assert_eq!(pace.decide(arrival, now, 1), Verdict::Wait { nanos: 100_000_000 });
/// # Ok::<(), tenancy_types::InvalidQuota>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pace {
    interval: u32,
    burst: u32,
}

/// What [`Pace::decide`] says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes if the bucket is moved to this arrival time.
    Pass {
        /// The new theoretical arrival time.
        arrival: Nanos,
    },
    /// It does not pass now.
    Wait {
        /// It passes this many nanoseconds later if nothing else does until then, and not one earlier.
        nanos: u64,
    },
    /// It costs more than the burst, so it can never pass.
    Never,
}

impl Pace {
    /// The pace of a quota. The interval is rounded up to a whole nanosecond: the rate is at most 0.1 %
    /// below the quota's, and never above.
    #[must_use]
    pub const fn new(quota: Quota) -> Self {
        Self {
            interval: SECOND.div_ceil(quota.rate()),
            burst: quota.burst(),
        }
    }

    /// How many units may be taken at once from a full bucket.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// How long an empty bucket takes to be full. Between 1 µs and 11.6 days.
    #[must_use]
    pub const fn refill(self) -> Duration {
        Duration::from_nanos(self.depth())
    }

    /// Decides about a request of `cost` units at `now` on a bucket with this theoretical arrival time
    /// (0 is a full one). A cost of 0 passes unless the bucket is overdrawn.
    #[must_use]
    #[inline]
    pub const fn decide(self, arrival: Nanos, now: Nanos, cost: u32) -> Verdict {
        if cost > self.burst {
            return Verdict::Never;
        }
        let price = cost as u64 * self.interval as u64;
        let debt = debt(arrival, now).saturating_add(price);
        if debt > self.depth() {
            return Verdict::Wait {
                nanos: debt - self.depth(),
            };
        }
        match now.get().checked_add(debt) {
            Some(arrival) => Verdict::Pass {
                arrival: Nanos::new(arrival),
            },
            None => Verdict::Wait { nanos: price },
        }
    }

    /// The arrival time of an empty bucket, if this one is overdrawn: its debt is above the whole burst.
    ///
    /// Requests cannot do that, but a clock that was ahead and went back can, and so can a change to a
    /// smaller quota. Whoever owns the bucket then moves it to the returned time, so that nobody waits
    /// longer than [`refill`](Self::refill). An empty bucket is the strictest there is, so this lets
    /// nothing through that was not due.
    #[must_use]
    #[inline]
    pub const fn settled(self, arrival: Nanos, now: Nanos) -> Option<Nanos> {
        if debt(arrival, now) > self.depth() {
            Some(Nanos::new(now.get().saturating_add(self.depth())))
        } else {
            None
        }
    }

    /// The arrival time with which a bucket of this pace goes on at another: the same part of it is spent,
    /// rounded to the strict side.
    #[must_use]
    pub fn carry(self, to: Self, arrival: Nanos, now: Nanos) -> Nanos {
        let debt = u128::from(debt(arrival, now).min(self.depth()));
        let carried = (debt * u128::from(to.depth())).div_ceil(u128::from(self.depth()));
        let carried = u64::try_from(carried).expect("at most the depth of `to`, which is a u64");
        Nanos::new(now.get().saturating_add(carried))
    }

    /// How many units a bucket has left.
    #[must_use]
    pub(crate) const fn remaining(self, debt: u64) -> u32 {
        let left = self.depth().saturating_sub(debt) / self.interval as u64;
        // At most the burst, which is a u32.
        left as u32
    }

    /// The burst as a time.
    const fn depth(self) -> u64 {
        self.interval as u64 * self.burst as u64
    }

    /// As one word, so that a pace can be swapped in one store. Never 0.
    pub(crate) const fn to_word(self) -> u64 {
        (self.burst as u64) << 32 | self.interval as u64
    }

    /// What [`to_word`](Self::to_word) made.
    pub(crate) const fn from_word(word: u64) -> Self {
        Self {
            interval: word as u32,
            burst: (word >> 32) as u32,
        }
    }
}

/// How far the arrival time is ahead of now.
pub(crate) const fn debt(arrival: Nanos, now: Nanos) -> u64 {
    arrival.get().saturating_sub(now.get())
}
