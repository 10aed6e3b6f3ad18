#![doc = include_str!("../README.md")]
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
    SystemClock, TenantId, WorkBudget,
};
pub use tenant_of::TenantOf;
