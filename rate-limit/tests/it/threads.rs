//! Many threads on one tenant.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tenancy_rate_limit::{Clock, Nanos, PlanSet, TenantLimits};
use tenancy_types::UnixMicros;

use crate::support::{index, plan, quota, single, tenant};

const THREADS: usize = 8;
const CHECKS: usize = 5_000;

/// How many checks of all threads together pass.
fn hammer<C: Clock + Clone>(limits: &TenantLimits<C>, checks: usize) -> u64 {
    let one = |limits: TenantLimits<C>| {
        let pass = |_: &usize| limits.check(tenant(1), 1).is_allowed();
        (0..checks).filter(pass).count() as u64
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let limits = limits.clone();
                scope.spawn(move || one(limits))
            })
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    })
}

#[test]
fn while_time_stands_still_exactly_the_burst_passes() {
    // So much that the threads meet while there is something to take.
    let (limits, _) = single(quota(1_000, 400_000), 1);
    assert_eq!(hammer(&limits, 100_000), 400_000);
}

/// Every reading is a little later than the one before, whichever thread reads.
#[derive(Clone)]
struct TickingClock {
    now: Arc<AtomicU64>,
    tick: u64,
}

impl Clock for TickingClock {
    fn now(&self) -> Nanos {
        Nanos::new(self.now.fetch_add(self.tick, Ordering::SeqCst))
    }

    fn unix(&self) -> UnixMicros {
        UnixMicros::new(0)
    }
}

#[track_caller]
fn check_bound(rate: u32, burst: u32, tick: u64) {
    let clock = TickingClock {
        now: Arc::new(AtomicU64::new(1)),
        tick,
    };
    let plans = PlanSet::new([plan("only", quota(rate, burst), 1)]).unwrap();
    let only = index(&plans, "only");
    let limits = TenantLimits::new(plans, only, 1, clock.clone()).unwrap();
    limits.set_plan(tenant(1), only).unwrap();

    let passed = u128::from(hammer(&limits, CHECKS));
    let elapsed = u128::from(clock.now.load(Ordering::SeqCst));
    let most = u128::from(burst) + u128::from(rate) * elapsed / 1_000_000_000;
    assert!(passed <= most, "{passed} of at most {most}");
    // Threads that lose a race come later, but units are not lost: all but the last few are used.
    let least = most.min((THREADS * CHECKS) as u128) * 9 / 10;
    assert!(passed >= least, "{passed} of at most {most}");
}

#[test]
fn while_time_goes_by_the_quota_holds() {
    // A unit becomes due every 1,000, 100, 10 and 2 readings, and with a bucket of one.
    check_bound(1_000, 100, 1_000);
    check_bound(10_000, 50, 1_000);
    check_bound(100_000, 5, 1_000);
    check_bound(1_000_000, 3, 500);
    check_bound(100_000, 1, 100);
}

#[test]
fn changes_of_plan_lose_no_place_in_flight() {
    let (limits, _) = single(quota(1_000, 1_000), 64);
    let only = index(&limits.plans(), "only");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..CHECKS {
                    let permit = limits.try_enter(tenant(1)).unwrap();
                    assert!(limits.in_flight(tenant(1)) >= 1);
                    drop(permit);
                }
            });
        }
        for _ in 0..CHECKS {
            limits.set_plan(tenant(1), only).unwrap();
            limits.set_override(tenant(1), quota(5, 5)).unwrap();
            limits.clear_override(tenant(1));
        }
    });
    assert_eq!(limits.in_flight(tenant(1)), 0);
    assert_eq!(limits.peek(tenant(1)).remaining(), 1_000);
}

#[test]
fn no_more_are_in_flight_than_the_cap() {
    let (limits, _) = single(quota(1, 1), 3);
    let most = AtomicU64::new(0);
    let inside = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..CHECKS {
                    if let Some(permit) = limits.try_enter(tenant(1)) {
                        let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                    }
                }
            });
        }
    });
    assert!((1..=3).contains(&most.into_inner()));
    assert_eq!(limits.in_flight(tenant(1)), 0);
}
