//! Set-ups that several modules use.

use std::{num::NonZeroU32, time::Duration};

use tenancy_rate_limit::{Plan, PlanIndex, PlanSet, Quota, TenantId, TenantLimits};
use tenancy_types::{ManualClock, WorkBudget};

pub(crate) const CAPACITY: u32 = 10_000;

pub(crate) fn tenant(id: u32) -> TenantId {
    TenantId::new(id).unwrap()
}

pub(crate) fn quota(rate: u32, burst: u32) -> Quota {
    Quota::per_second(rate).unwrap().with_burst(burst).unwrap()
}

pub(crate) fn plan(name: &str, quota: Quota, concurrency: u32) -> Plan {
    Plan {
        name: name.parse().unwrap(),
        quota,
        concurrency: NonZeroU32::new(concurrency).unwrap(),
        work: WorkBudget::new(std::num::NonZeroU16::MIN, Duration::from_secs(1)),
    }
}

pub(crate) fn index(plans: &PlanSet, name: &str) -> PlanIndex {
    plans.find(&name.parse().unwrap()).unwrap().0
}

/// Limits with the standard plans; strangers are basic.
pub(crate) fn standard() -> (TenantLimits<ManualClock>, ManualClock) {
    let clock = ManualClock::default();
    let plans = PlanSet::standard();
    let basic = index(&plans, "basic");
    let limits = TenantLimits::new(plans, basic, CAPACITY, clock.clone()).unwrap();
    (limits, clock)
}

/// Limits with one plan, which the tenants 1 to 9 have, and which strangers share.
pub(crate) fn single(quota: Quota, concurrency: u32) -> (TenantLimits<ManualClock>, ManualClock) {
    let clock = ManualClock::default();
    let plans = PlanSet::new([plan("only", quota, concurrency)]).unwrap();
    let only = index(&plans, "only");
    let limits = TenantLimits::new(plans, only, CAPACITY, clock.clone()).unwrap();
    for id in 1..10 {
        limits.set_plan(tenant(id), only).unwrap();
    }
    (limits, clock)
}
