//! What errors say to operators and to clients.

use std::time::Duration;

use tenancy_rate_limit::{Error, Problem, Refusal};
use tenancy_types::Retry;

use crate::support::tenant;

#[track_caller]
fn check(problem: &dyn Problem, display: &str, code: &str, status: u16, retry: Retry) {
    assert_eq!(problem.to_string(), display);
    assert_eq!(problem.code().as_str(), code);
    assert_eq!(problem.kind().http_status(), status);
    assert_eq!(problem.retry(), retry);
    let text = problem.client_text();
    assert!(!text.is_empty() && !text.contains("tenant 7"), "{text}");
}

#[test]
fn refusals() {
    let wait = Duration::from_millis(20);
    let limited = Refusal::RateLimited { retry_after: wait };
    let display = "over the rate limit for another 20ms";
    check(&limited, display, "rate_limited", 429, Retry::After(wait));
    let display = "all places for requests in flight are taken";
    check(&Refusal::Busy, display, "rate_limited", 429, Retry::Now);
    let costly = Refusal::TooCostly { cost: 8, burst: 7 };
    let display = "a cost of 8 is above the whole burst of 7";
    check(&costly, display, "too_costly", 413, Retry::No);
}

#[test]
fn mistakes() {
    let name: tenancy_rate_limit::PlanName = "basic".parse().unwrap();
    let beyond = Error::BeyondCapacity {
        tenant: tenant(7),
        capacity: 5,
    };
    let display = "tenant 7 is beyond the capacity of 5 tenants";
    check(&beyond, display, "limits_full", 503, Retry::No);
    let none = Error::NoPlan { tenant: tenant(7) };
    let display = "tenant 7 has no plan yet, so its quota cannot be overridden";
    check(&none, display, "not_found", 404, Retry::No);
    let unknown = Error::UnknownPlan { index: 4, plans: 3 };
    let display = "there is no plan at index 4 among 3 plans";
    check(&unknown, display, "invalid_request", 400, Retry::No);
    let many = Error::TooManyPlans {
        found: 2_000,
        room: 1_024,
    };
    let display = "2000 plans are more than the 1024 that fit";
    check(&many, display, "invalid_request", 400, Retry::No);
    let moved = |found: Option<&str>| Error::PlanMoved {
        name: name.clone(),
        index: 0,
        found: found.map(|name| name.parse().unwrap()),
    };
    let display = "plan basic must stay at index 0, where the new set has nothing";
    check(&moved(None), display, "invalid_request", 400, Retry::No);
    let display = "plan basic must stay at index 0, where the new set has huge";
    check(
        &moved(Some("huge")),
        display,
        "invalid_request",
        400,
        Retry::No,
    );
}
