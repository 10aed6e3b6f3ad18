//! Tenants, plans, overrides and clocks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use proptest::prelude::*;
use tenancy_rate_limit::{
    Bucket, Clock, Decision, Error, Nanos, PlanSet, Quota, TenantId, TenantLimits,
};
use tenancy_types::UnixMicros;

use crate::{
    gcra::{costs, gaps, over_quota, quotas},
    support::{CAPACITY, index, plan, quota, single, standard, tenant},
};

#[test]
fn a_tenant_has_the_quota_of_its_plan() {
    let (limits, clock) = standard();
    for (id, name, burst) in [
        (1, "basic", 500),
        (2, "professional", 5_000),
        (3, "enterprise", 50_000),
    ] {
        limits
            .set_plan(tenant(id), index(&limits.plans(), name))
            .unwrap();
        assert!(limits.check(tenant(id), burst).is_allowed());
        assert!(!limits.check(tenant(id), 1).is_allowed());
        // All three fill up in ten seconds.
        clock.advance(Duration::from_secs(1));
        assert_eq!(limits.peek(tenant(id)).remaining(), burst / 10);
        clock.advance(Duration::from_secs(9));
        assert_eq!(limits.peek(tenant(id)).remaining(), burst);
    }
}

#[test]
fn tenants_do_not_take_from_each_other() {
    let (limits, _) = single(quota(10, 10), 1);
    assert!(limits.check(tenant(1), 10).is_allowed());
    assert!(!limits.check(tenant(1), 1).is_allowed());
    assert_eq!(limits.peek(tenant(2)).remaining(), 10);
    assert!(limits.check(tenant(2), 10).is_allowed());
}

#[test]
fn whoever_has_no_bucket_shares_one() {
    let (limits, _) = standard();
    // No plan yet, with and without a neighbour on the same page; beyond the capacity; not identified.
    limits
        .set_plan(tenant(1), index(&limits.plans(), "professional"))
        .unwrap();
    let beyond = u32::try_from(limits.capacity()).unwrap() + 1;
    for id in [2, 9_000, beyond, u32::MAX] {
        let decision = limits.check(tenant(id), 100);
        assert!(decision.is_allowed(), "tenant {id}");
        assert_eq!(decision.standing().bucket(), Bucket::Shared);
    }
    assert!(limits.check_unidentified(100).is_allowed());
    assert!(!limits.check_unidentified(1).is_allowed());
    assert!(!limits.check(tenant(beyond), 1).is_allowed());
    // The negative control: a tenant with a plan is not among them.
    let own = limits.check(tenant(1), 1);
    assert!(own.is_allowed());
    assert_eq!(own.standing().bucket(), Bucket::Tenant);
}

#[test]
fn a_tenant_beyond_the_capacity_is_an_error_where_it_can_be_mended() {
    let (limits, _) = standard();
    let basic = index(&limits.plans(), "basic");
    let capacity = limits.capacity();
    assert_eq!(capacity, 12_288, "{CAPACITY} rounded up to pages of 4,096");
    let last = tenant(u32::try_from(capacity).unwrap());
    let beyond = tenant(last.get() + 1);
    limits.set_plan(last, basic).unwrap();
    let expect = Err(Error::BeyondCapacity {
        tenant: beyond,
        capacity,
    });
    assert_eq!(limits.set_plan(beyond, basic), expect);
    assert_eq!(limits.set_override(beyond, quota(1, 1)), expect);
    limits.clear_override(beyond);
}

#[test]
fn a_refusal_spends_nothing_and_its_time_to_retry_is_exact() {
    let (limits, clock) = single(quota(3, 7), 1);
    assert!(limits.check(tenant(1), 6).is_allowed());
    for _ in 0..100 {
        assert!(!limits.check(tenant(1), 4).is_allowed());
    }
    assert_eq!(limits.peek(tenant(1)).remaining(), 1);
    let Decision::Denied { retry_after, .. } = limits.check(tenant(1), 4) else {
        panic!("one is left");
    };
    clock.advance(retry_after - Duration::from_nanos(1));
    assert!(!limits.check(tenant(1), 4).is_allowed());
    clock.advance(Duration::from_nanos(1));
    assert!(limits.check(tenant(1), 4).is_allowed());
}

#[test]
fn what_costs_more_than_the_burst_can_never_pass() {
    let (limits, _) = single(quota(3, 7), 1);
    let decision = limits.check(tenant(1), 8);
    assert!(matches!(decision, Decision::TooCostly { cost: 8, .. }));
    assert_eq!(decision.standing().burst(), 7);
    assert_eq!(limits.peek(tenant(1)).remaining(), 7);
}

#[test]
fn a_peek_has_no_effect() {
    let (limits, clock) = single(quota(3, 7), 1);
    assert!(limits.check(tenant(1), 5).is_allowed());
    let first = limits.peek(tenant(1));
    assert_eq!(first, limits.peek(tenant(1)));
    assert_eq!(first.remaining(), 2);
    clock.advance(first.reset_after() - Duration::from_nanos(1));
    assert_eq!(limits.peek(tenant(1)).remaining(), 6);
    clock.advance(Duration::from_nanos(1));
    assert_eq!(limits.peek(tenant(1)).remaining(), 7);
}

#[test]
fn a_change_of_plan_keeps_the_part_that_is_spent() {
    let (limits, _) = standard();
    let plans = limits.plans();
    let id = tenant(5);
    limits.set_plan(id, index(&plans, "basic")).unwrap();
    assert!(limits.check(id, 125).is_allowed());
    for (name, remaining) in [
        ("enterprise", 37_500),
        ("basic", 375),
        ("professional", 3_750),
    ] {
        limits.set_plan(id, index(&plans, name)).unwrap();
        assert_eq!(limits.peek(id).remaining(), remaining, "{name}");
    }
}

#[test]
fn an_override_stands_above_the_plan_until_it_is_cleared() {
    let (limits, _) = standard();
    let plans = limits.plans();
    let id = tenant(5);
    let expect = Err(Error::NoPlan { tenant: id });
    assert_eq!(limits.set_override(id, quota(7, 7)), expect);
    limits.set_plan(id, index(&plans, "basic")).unwrap();
    assert!(limits.check(id, 250).is_allowed());

    // Half is spent of each, whether it fills up slower, faster or in the same time.
    limits.set_override(id, quota(1, 1_000)).unwrap();
    assert_eq!(limits.peek(id).remaining(), 500);
    limits.set_override(id, quota(8_000, 8_000)).unwrap();
    assert_eq!(limits.peek(id).remaining(), 4_000);
    // A change of plan waits beneath the override.
    limits.set_plan(id, index(&plans, "professional")).unwrap();
    assert_eq!(limits.peek(id).remaining(), 4_000);
    limits.clear_override(id);
    assert_eq!(limits.peek(id).remaining(), 2_500);
    limits.clear_override(id);
    assert_eq!(limits.peek(id).remaining(), 2_500);
    // Nobody else is concerned.
    limits
        .set_plan(tenant(6), index(&plans, "professional"))
        .unwrap();
    assert_eq!(limits.peek(tenant(6)).remaining(), 5_000);
}

#[test]
fn new_plans_hold_from_the_next_check_on() {
    let (limits, clock) = single(quota(10, 100), 1);
    assert!(limits.check(tenant(1), 50).is_allowed());
    // Twice of everything: five of ten seconds stay spent.
    let doubled = PlanSet::new([plan("only", quota(20, 200), 1)]).unwrap();
    limits.set_plans(doubled.clone()).unwrap();
    assert_eq!(limits.plans(), doubled);
    assert_eq!(limits.peek(tenant(1)).remaining(), 100);
    // A bucket that fills up in one second: it is empty now, and full a second later.
    limits
        .set_plans(PlanSet::new([plan("only", quota(30, 30), 1)]).unwrap())
        .unwrap();
    assert_eq!(limits.peek(tenant(1)).remaining(), 0);
    assert!(!limits.check(tenant(1), 1).is_allowed());
    clock.advance(Duration::from_millis(1_001));
    assert!(limits.check(tenant(1), 30).is_allowed());
}

#[track_caller]
fn check_replacement(names: &[&str], expect: &Result<(), Error>) {
    let (limits, _) = standard();
    let before = limits.plans();
    let new = PlanSet::new(names.iter().map(|name| plan(name, quota(1, 1), 1))).unwrap();
    assert_eq!(&limits.set_plans(new.clone()), expect);
    let after = if expect.is_ok() { new } else { before };
    assert_eq!(limits.plans(), after);
    let burst = limits.check_unidentified(0).standing().burst();
    assert_eq!(burst, if expect.is_ok() { 1 } else { 500 });
}

#[test]
fn plans_stay_where_tenants_look_for_them() {
    let moved = |name: &str, index, found: Option<&str>| {
        Err(Error::PlanMoved {
            name: name.parse().unwrap(),
            index,
            found: found.map(|name| name.parse().unwrap()),
        })
    };
    check_replacement(&["basic", "professional", "enterprise"], &Ok(()));
    check_replacement(&["basic", "professional", "enterprise", "huge"], &Ok(()));
    let gone = moved("enterprise", 2, None);
    check_replacement(&["basic", "professional"], &gone);
    let swapped = moved("professional", 1, Some("enterprise"));
    check_replacement(&["basic", "enterprise", "professional"], &swapped);
}

#[test]
fn a_plan_added_at_run_time_can_be_given() {
    let (limits, _) = standard();
    let old = limits.plans();
    let with_huge: Vec<_> = old
        .iter()
        .map(|(_, plan)| plan.clone())
        .chain([plan("huge", quota(9, 9), 9)])
        .collect();
    let new = PlanSet::new(with_huge).unwrap();
    let huge = index(&new, "huge");
    let unknown = Err(Error::UnknownPlan { index: 3, plans: 3 });
    assert_eq!(limits.set_plan(tenant(1), huge), unknown);
    assert_eq!(limits.peek(tenant(1)).bucket(), Bucket::Shared);
    limits.set_plans(new).unwrap();
    limits.set_plan(tenant(1), huge).unwrap();
    assert_eq!(limits.peek(tenant(1)).burst(), 9);
}

#[test]
fn there_is_room_for_a_thousand_plans() {
    let set = |n: usize| {
        let plans = (0..n).map(|i| plan(&format!("p{i}"), quota(1, 1), 1));
        PlanSet::new(plans).unwrap()
    };
    let clock = tenancy_types::ManualClock::default();
    let new = |n| {
        let plans = set(n);
        let last = index(&plans, &format!("p{}", n - 1));
        TenantLimits::new(plans, last, 1, clock.clone())
    };
    let limits = new(1_024).unwrap();
    let expect = Error::TooManyPlans {
        found: 1_025,
        room: 1_024,
    };
    assert_eq!(new(1_025).unwrap_err(), expect);
    assert_eq!(limits.set_plans(set(1_025)).unwrap_err(), expect);
    let foreign = index(&set(3), "p2");
    assert_eq!(
        TenantLimits::new(set(2), foreign, 1, clock.clone()).unwrap_err(),
        Error::UnknownPlan { index: 2, plans: 2 }
    );
}

#[test]
fn memory_is_sixteen_bytes_a_tenant_in_use() {
    let clock = tenancy_types::ManualClock::default();
    let plans = PlanSet::standard();
    let basic = index(&plans, "basic");
    let limits = TenantLimits::new(plans, basic, 409_600, clock).unwrap();
    let empty = limits.memory();
    for id in 1..=409_600 {
        limits.set_plan(tenant(id), basic).unwrap();
    }
    assert_eq!(limits.memory() - empty, 409_600 * 16);
    assert!(empty < 409_600 / 10, "{empty}");
    limits.set_override(tenant(1), quota(1, 1)).unwrap();
    assert_eq!(limits.memory() - empty, 409_600 * 16 + 4_096 * 8);
}

/// A clock that a test can also set back.
#[derive(Clone, Default)]
struct JumpingClock(Arc<AtomicU64>);

impl Clock for JumpingClock {
    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::Relaxed))
    }

    fn unix(&self) -> UnixMicros {
        UnixMicros::new(0)
    }
}

const TENANT: fn() -> TenantId = || tenant(1);

fn jumping(quota: Quota) -> (TenantLimits<JumpingClock>, JumpingClock) {
    let clock = JumpingClock(Arc::new(AtomicU64::new(1 << 60)));
    let plans = PlanSet::new([plan("only", quota, 1)]).unwrap();
    let only = index(&plans, "only");
    let limits = TenantLimits::new(plans, only, 1, clock.clone()).unwrap();
    limits.set_plan(TENANT(), only).unwrap();
    (limits, clock)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// The windows are measured in true time, of which the clock knows less and less.
    #[test]
    fn a_clock_that_goes_back_lets_nothing_more_through(
        (quota, steps) in quotas().prop_flat_map(|quota| {
            let back = prop_oneof![5 => Just(0), 1 => 1..=2_000_u64, 1 => 0..=(1_u64 << 45)];
            (Just(quota), prop::collection::vec((gaps(quota), back, costs(quota)), 1..120))
        })
    ) {
        let (limits, clock) = jumping(quota);
        let (mut truth, mut passes) = (0, Vec::new());
        for (gap, back, cost) in steps {
            truth += gap;
            clock.0.fetch_add(gap, Ordering::Relaxed);
            clock.0.fetch_sub(back, Ordering::Relaxed);
            if limits.check(TENANT(), cost).is_allowed() {
                passes.push((truth, cost));
            }
        }
        prop_assert_eq!(over_quota(quota, &passes), None);
        // Nor does it lock anybody out for longer than an empty bucket takes.
        let refill = limits.peek(TENANT()).refill();
        clock.0.fetch_add(refill.as_nanos() as u64, Ordering::Relaxed);
        prop_assert!(limits.check(TENANT(), quota.burst()).is_allowed());
    }
}

#[test]
fn a_clock_that_was_an_hour_ahead_costs_at_most_one_refill() {
    let (limits, clock) = jumping(quota(10, 20));
    let hour = 3_600_000_000_000;
    clock.0.fetch_add(hour, Ordering::Relaxed);
    assert!(limits.check(TENANT(), 1).is_allowed());
    clock.0.fetch_sub(hour, Ordering::Relaxed);
    assert!(!limits.check(TENANT(), 1).is_allowed());
    clock.0.fetch_add(2_000_000_000, Ordering::Relaxed);
    assert!(limits.check(TENANT(), 20).is_allowed());
}
