//! A shop that may have 5 requests a second, 3 at once, and 2 in flight, behind both layers.
//!
//! ```sh
//! cargo run -p tenancy-rate-limit --example limit
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{
    convert::Infallible,
    error::Error,
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use http::{Request, Response};
use tenancy_rate_limit::{
    ConcurrencyLimitLayer, Plan, PlanSet, Quota, RateLimitLayer, SystemClock, TenantId,
    TenantLimits, WorkBudget,
};
use tower::{Layer, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let trial = Plan {
        name: "trial".parse()?,
        quota: Quota::per_second(5)?.with_burst(3)?,
        concurrency: NonZeroU32::new(2).ok_or("not zero")?,
        work: WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(5)),
    };
    let plans = PlanSet::new([trial])?;
    let (trial, _) = plans.find(&"trial".parse()?).ok_or("it was just made")?;
    let limits = TenantLimits::new(plans, trial, 10_000, SystemClock)?;
    let shop = TenantId::new(1).ok_or("not zero")?;
    limits.set_plan(shop, trial)?;

    let hello = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(Response::new(String::from("hello")))
    });
    // Whoever is over the rate takes no place among the requests in flight.
    let service =
        RateLimitLayer::new(limits.clone()).layer(ConcurrencyLimitLayer::new(&limits).layer(hello));

    for n in 1..=5 {
        let mut request = Request::new(());
        request.extensions_mut().insert(shop);
        let response = service.clone().oneshot(request).await?;
        let field = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
        println!(
            "{n}: {} RateLimit {} Retry-After {}",
            response.status(),
            field("ratelimit").unwrap_or("-"),
            field("retry-after").unwrap_or("-"),
        );
    }

    // A flash sale: more for this shop alone, at once. The part of the burst that is spent stays spent.
    limits.set_override(shop, Quota::per_second(1_000)?)?;
    let standing = limits.peek(shop);
    println!(
        "with an override to 1000/s: {} of {} left, all of them in {:?}",
        standing.remaining(),
        standing.burst(),
        standing.reset_after(),
    );
    Ok(())
}
