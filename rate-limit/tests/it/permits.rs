//! Places among the requests in flight.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tenancy_rate_limit::PlanSet;

use crate::support::{index, plan, quota, single, standard, tenant};

#[test]
fn a_place_is_taken_until_its_permit_is_dropped() {
    let (limits, _) = single(quota(1, 1), 2);
    let first = limits.try_enter(tenant(1)).unwrap();
    let second = limits.try_enter(tenant(1)).unwrap();
    assert!(limits.try_enter(tenant(1)).is_none());
    assert_eq!(limits.in_flight(tenant(1)), 2);
    // A neighbour has places of its own.
    assert!(limits.try_enter(tenant(2)).is_some());
    drop(first);
    let third = limits.try_enter(tenant(1)).unwrap();
    assert!(limits.try_enter(tenant(1)).is_none());
    drop((second, third));
    assert_eq!(limits.in_flight(tenant(1)), 0);
}

#[test]
fn a_panic_gives_the_place_back() {
    let (limits, _) = single(quota(1, 1), 1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _permit = limits.try_enter(tenant(1)).unwrap();
        assert!(limits.try_enter(tenant(1)).is_none());
        panic!("in the middle");
    }));
    assert!(panicked.is_err());
    assert!(limits.try_enter(tenant(1)).is_some());
}

#[test]
fn rates_and_places_are_counted_apart() {
    let (limits, _) = single(quota(1, 1), 1);
    let permit = limits.try_enter(tenant(1)).unwrap();
    assert!(limits.check(tenant(1), 1).is_allowed());
    assert!(!limits.check(tenant(1), 1).is_allowed());
    drop(permit);
    assert!(limits.try_enter(tenant(1)).is_some());
}

#[test]
fn a_smaller_cap_waits_for_those_inside() {
    let (limits, _) = single(quota(1, 1), 3);
    let inside: Vec<_> = (0..3)
        .map(|_| limits.try_enter(tenant(1)).unwrap())
        .collect();
    limits
        .set_plans(PlanSet::new([plan("only", quota(1, 1), 2)]).unwrap())
        .unwrap();
    assert_eq!(limits.in_flight(tenant(1)), 3);
    let mut inside = inside.into_iter();
    drop(inside.next());
    assert!(limits.try_enter(tenant(1)).is_none());
    drop(inside.next());
    assert!(limits.try_enter(tenant(1)).is_some());
}

#[test]
fn a_permit_is_given_back_where_it_was_taken() {
    let (limits, _) = standard();
    // The tenant enters as a stranger, and gets a plan meanwhile.
    let permit = limits.try_enter(tenant(1)).unwrap();
    assert_eq!(limits.in_flight(tenant(2)), 1, "strangers share");
    limits
        .set_plan(tenant(1), index(&limits.plans(), "basic"))
        .unwrap();
    assert_eq!(limits.in_flight(tenant(1)), 0);
    drop(permit);
    assert_eq!(limits.in_flight(tenant(1)), 0);
    assert_eq!(limits.in_flight(tenant(2)), 0);
}

#[test]
fn strangers_share_the_places_of_one() {
    let (limits, _) = single(quota(1, 1), 1);
    let permit = limits.try_enter_unidentified().unwrap();
    assert!(limits.try_enter_unidentified().is_none());
    assert!(limits.try_enter(tenant(5_000)).is_none());
    assert!(limits.try_enter(tenant(1)).is_some());
    drop(permit);
    assert!(limits.try_enter(tenant(5_000)).is_some());
}
