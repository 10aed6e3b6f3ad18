//! The pure decision, against its promises and against an independent token bucket.

use proptest::prelude::*;
use tenancy_rate_limit::{Nanos, Pace, Quota, Verdict};

use crate::support::quota;

const SECOND: u128 = 1_000_000_000;

/// A request that passed: when, and what it cost.
type Pass = (u64, u32);

/// The first window in which more passed than `burst + rate × T`, exactly, in whole numbers.
pub(crate) fn over_quota(quota: Quota, passes: &[Pass]) -> Option<(Pass, Pass)> {
    for (at, first) in passes.iter().enumerate() {
        let mut units = 0_u128;
        for last in &passes[at..] {
            units += u128::from(last.1);
            let time = u128::from(last.0 - first.0);
            let allowed = u128::from(quota.burst()) * SECOND + u128::from(quota.rate()) * time;
            if units * SECOND > allowed {
                return Some((*first, *last));
            }
        }
    }
    None
}

pub(crate) fn quotas() -> impl Strategy<Value = Quota> {
    let value = || prop_oneof![1..=5_u32, 1..=2_000_u32, 1..=Quota::MAX];
    (value(), value()).prop_map(|(rate, burst)| quota(rate, burst))
}

/// Gaps between requests that meet the edges: none, exact intervals and a nanosecond to either side, and
/// anything up to twice the time that fills the bucket.
pub(crate) fn gaps(quota: Quota) -> impl Strategy<Value = u64> {
    let interval = 1_000_000_000_u64.div_ceil(u64::from(quota.rate()));
    let refill = interval * u64::from(quota.burst());
    prop_oneof![
        4 => Just(0),
        3 => (1..4_u64, 0..3_u64).prop_map(move |(n, off)| (n * interval + off).saturating_sub(1)),
        2 => 0..=interval,
        1 => 0..=2 * refill,
    ]
}

/// Costs from nothing to more than the burst, mostly small.
pub(crate) fn costs(quota: Quota) -> impl Strategy<Value = u32> {
    prop_oneof![
        4 => 0..=3_u32,
        2 => 1..=quota.burst(),
        1 => Just(quota.burst()),
        1 => Just(quota.burst() + 1),
    ]
}

fn traffic() -> impl Strategy<Value = (Quota, Vec<(u64, u32)>)> {
    quotas().prop_flat_map(|quota| {
        let requests = prop::collection::vec((gaps(quota), costs(quota)), 1..120);
        (Just(quota), requests)
    })
}

/// What passes of some traffic by our decision.
fn passes(pace: Pace, requests: &[(u64, u32)]) -> Vec<Pass> {
    let (mut arrival, mut now, mut passes) = (Nanos::default(), 1, Vec::new());
    for &(gap, cost) in requests {
        now += gap;
        if let Verdict::Pass { arrival: next } = pace.decide(arrival, Nanos::new(now), cost) {
            arrival = next;
            passes.push((now, cost));
        }
    }
    passes
}

proptest! {
    #[test]
    fn never_above_the_quota_in_any_window((quota, requests) in traffic()) {
        prop_assert_eq!(over_quota(quota, &passes(Pace::new(quota), &requests)), None);
    }

    /// A bucket of nanoseconds that fills as time goes by and is spent by the interval: the textbook form.
    #[test]
    fn decides_as_a_token_bucket_does((quota, requests) in traffic()) {
        let interval = u128::from(1_000_000_000_u32.div_ceil(quota.rate()));
        let depth = interval * u128::from(quota.burst());
        let (mut tokens, mut now, mut expected) = (depth, 1, Vec::new());
        for &(gap, cost) in &requests {
            now += gap;
            tokens = (tokens + u128::from(gap)).min(depth);
            let price = u128::from(cost) * interval;
            if price <= tokens {
                tokens -= price;
                expected.push((now, cost));
            }
        }
        prop_assert_eq!(passes(Pace::new(quota), &requests), expected);
    }

    #[test]
    fn the_time_to_retry_is_exact(quota in quotas(), debt in 0.0..=1.0_f64, cost in 0.0..=1.0_f64) {
        let (pace, now) = (Pace::new(quota), 5_000_000_000_u64);
        let debt = (pace.refill().as_nanos() as f64 * debt) as u64;
        let arrival = Nanos::new(now + debt);
        let cost = (f64::from(quota.burst()) * cost) as u32;
        if let Verdict::Wait { nanos } = pace.decide(arrival, Nanos::new(now), cost) {
            let at_due = pace.decide(arrival, Nanos::new(now + nanos), cost);
            prop_assert!(matches!(at_due, Verdict::Pass { .. }), "{at_due:?}");
            let before = pace.decide(arrival, Nanos::new(now + nanos - 1), cost);
            prop_assert_eq!(before, Verdict::Wait { nanos: 1 });
        }
    }

    #[test]
    fn after_a_pause_the_whole_burst_is_there((quota, requests) in traffic()) {
        let pace = Pace::new(quota);
        let (mut arrival, mut now) = (Nanos::default(), Nanos::new(1));
        for (gap, cost) in requests {
            now = now.after(std::time::Duration::from_nanos(gap));
            if let Verdict::Pass { arrival: next } = pace.decide(arrival, now, cost) {
                arrival = next;
            }
        }
        let later = pace.decide(arrival, now.after(pace.refill()), quota.burst());
        prop_assert!(matches!(later, Verdict::Pass { .. }), "{later:?}");
    }

    #[test]
    fn carrying_over_keeps_the_part_that_is_spent(
        from in quotas(),
        to in quotas(),
        part in 0.0..=1.5_f64,
    ) {
        let (from, to, now) = (Pace::new(from), Pace::new(to), Nanos::new(77));
        let debt = from.refill().mul_f64(part);
        let carried = from.carry(to, now.after(debt), now).since(now);
        prop_assert!(carried <= to.refill());
        let spent = debt.min(from.refill()).as_nanos() as f64 / from.refill().as_nanos() as f64;
        let expected = to.refill().as_nanos() as f64 * spent;
        let found = carried.as_nanos() as f64;
        prop_assert!((found - expected).abs() <= 2.0 + expected * 1e-9, "{found} {expected}");
    }
}

#[test]
fn the_window_check_sees_a_fixed_window_and_a_rounded_down_interval() {
    // Ten a second by the calendar: ten at the end of one second, ten at the start of the next.
    let fixed_window = [(999_999_999, 10), (1_000_000_000, 10)];
    assert!(over_quota(quota(10, 10), &fixed_window).is_some());
    // A third of a microsecond too early.
    assert!(over_quota(quota(300_000, 1), &[(1, 1), (1 + 3_333, 1)]).is_some());
    assert!(over_quota(quota(300_000, 1), &[(1, 1), (1 + 3_334, 1)]).is_none());
}

#[track_caller]
fn check(pace: Pace, arrival: u64, now: u64, cost: u32, expect: &str) {
    let verdict = match pace.decide(Nanos::new(arrival), Nanos::new(now), cost) {
        Verdict::Pass { arrival } => format!("pass {}", arrival.get()),
        Verdict::Wait { nanos } => format!("wait {nanos}"),
        Verdict::Never => "never".into(),
    };
    assert_eq!(verdict, expect);
}

#[test]
fn verdicts() {
    // Ten million nanoseconds a unit, five at once.
    let pace = Pace::new(quota(100, 5));
    check(pace, 0, 1_000, 1, "pass 10001000");
    check(pace, 0, 1_000, 5, "pass 50001000");
    check(pace, 0, 1_000, 6, "never");
    check(pace, 50_001_000, 1_000, 1, "wait 10000000");
    check(pace, 50_001_000, 1_000, 0, "pass 50001000");
    // The clock went back: strict, not lost.
    check(pace, 50_001_000, 0, 1, "wait 10001000");
    // The far end of time: nothing can be remembered, so nothing passes.
    check(pace, 0, u64::MAX, 1, "wait 10000000");
    check(
        pace,
        0,
        u64::MAX - 10_000_000,
        1,
        "pass 18446744073709551615",
    );
    check(pace, u64::MAX, 0, 1, "wait 18446744073659551615");
    // The extremes of a quota.
    let slowest = Pace::new(quota(1, Quota::MAX));
    check(slowest, 0, 0, Quota::MAX, "pass 1000000000000000");
    check(slowest, 0, 0, u32::MAX, "never");
    let fastest = Pace::new(quota(Quota::MAX, 1));
    check(fastest, 0, 0, 1, "pass 1000");
    check(fastest, 1_000, 0, 1, "wait 1000");
}

#[test]
fn only_an_overdrawn_bucket_is_settled() {
    let pace = Pace::new(quota(100, 5));
    let settled = |arrival| {
        pace.settled(Nanos::new(arrival), Nanos::new(1))
            .map(Nanos::get)
    };
    assert_eq!(settled(0), None);
    assert_eq!(settled(50_000_001), None);
    assert_eq!(settled(50_000_002), Some(50_000_001));
    assert_eq!(settled(u64::MAX), Some(50_000_001));
}
