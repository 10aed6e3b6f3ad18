//! How much may a tenant take?
//!
//! Exact rate limits and concurrency caps for millions of tenants: one atomic word of state each, no hashing,
//! no lock, no allocation and no `await` on the request path.
//!
//! ```
//! use std::{num::NonZeroU32, time::Duration};
//! use tenancy_rate_limit::{Decision, ManualClock, PlanSet, Quota, TenantId, TenantLimits};
//!
//! let plans = PlanSet::standard(); // basic, professional, enterprise
//! let (basic, _) = plans.find(&"basic".parse()?).unwrap();
//! let clock = ManualClock::default(); // `SystemClock` outside tests
//! let limits = TenantLimits::new(plans, basic, 2_000_000, clock.clone())?;
//!
//! let tenant = TenantId::new(7).unwrap();
//! limits.set_plan(tenant, basic)?; // 50 a second, 500 at once
//! assert!(limits.check(tenant, 500).is_allowed());
//! let Decision::Denied { retry_after, .. } = limits.check(tenant, 1) else { panic!() };
//! assert_eq!(retry_after, Duration::from_millis(20));
//!
//! // A flash sale: more for this tenant alone, from the next check on.
//! limits.set_override(tenant, Quota::per_second(5_000)?)?;
//! clock.advance(retry_after);
//! assert!(limits.check(tenant, 100).is_allowed());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The map
//!
//! | item | what it is |
//! | --- | --- |
//! | [`TenantLimits`] | the limits of all tenants of a process: check, enter, change |
//! | [`Decision`], [`Standing`], [`Permit`] | what it answers |
//! | [`RateLimitLayer`] | answers 429 with `Retry-After` and the `RateLimit` fields |
//! | [`ConcurrencyLimitLayer`] | caps the requests in flight, until the end of the response body |
//! | [`Refusal`], [`Error`] | why a request may not go on; why limits cannot be changed like that |
//! | [`Pace`], [`Verdict`] | the decision as a pure function (GCRA), for limits of your own |
//!
//! The words from `tenancy-types` that one needs are re-exported, so one dependency is enough.
//!
//! | feature | what you get |
//! | --- | --- |
//! | `metrics` | counters through the [`metrics`](https://docs.rs/metrics) facade; see the README for names |
//! | `test-util` | `ManualClock` |
//!
//! # What is guaranteed
//!
//! - In every window of length `T`, whatever the threads do, a bucket lets at most `burst + rate × T` units
//!   pass, as long as its quota stays the same and the clock is monotonic across threads.
//! - It refuses nothing that a token bucket of this burst and interval would let pass. The interval is rounded
//!   up to a whole nanosecond: at most 0.1 % below the quota's rate, and only near a million a second.
//! - A refused request spends nothing, and its `retry_after` is exact.
//! - A clock that goes back refuses at most for the time that an empty bucket takes to be full.
//!
//! # What is not
//!
//! - Limits are those of this process. Several processes each give the whole quota.
//! - State is lost with the process: a restart fills the buckets.
//! - A limit is no fair share: tenants within their quotas can together be too much for a cell.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod concurrency_limit;
mod decision;
mod error;
mod fields;
mod gcra;
mod limits;
mod permit;
mod rate_limit;
mod telemetry;
mod tenant_of;

pub use concurrency_limit::{ConcurrencyLimit, ConcurrencyLimitLayer, EnterFuture, PermitBody};
pub use decision::{Bucket, Decision, Standing};
pub use error::{Error, Refusal};
pub use gcra::{Pace, Verdict};
pub use limits::TenantLimits;
pub use permit::Permit;
pub use rate_limit::{RateLimit, RateLimitLayer, ResponseFuture};
#[cfg(feature = "test-util")]
pub use tenancy_types::ManualClock;
pub use tenancy_types::{
    Clock, Nanos, Plan, PlanIndex, PlanName, PlanSet, Problem, ProblemJson, Quota, Respond,
    SystemClock, TenantId,
};
pub use tenant_of::TenantOf;
