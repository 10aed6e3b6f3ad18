//! Microseconds of processor time that [`TenantLayer`] adds to a request of an axum application.
//!
//! ```sh
//! cargo bench -p tenancy-core --features axum --bench layer
//! ```
//!
//! The last line is the answer: `{"value": 0.7}`. With `FIGURES_QUICK=1` in the environment it does a twentieth of
//! the requests.
//!
//! The same router answers with and without the layer, and with it the handler takes the tenant's context. Both are
//! called in one thread, without a connection, by turns; the route table is a map of 10,000 hosts. The value is the
//! median of 15 differences.

#[path = "common/command.rs"]
mod command;

use std::{
    collections::HashMap, hint::black_box, num::NonZeroU16, process::ExitCode, time::Duration,
};

use axum::{Router, body::Body, routing::get};
use http::{Request, header::HOST};
use nix::time::{ClockId, clock_gettime};
use tenancy_core::{
    HostEvidence, OpenToAll, ReadOnly, Resolver, TenantContext,
    middleware::TenantLayer,
    types::{Answer, CellId, Epoch, Lifecycle, Lookup, Placement, Route, TenantId, WorkBudget},
};
use tower::ServiceExt as _;

use self::command::{Failure, Words, answer, is_quick, median};

const HOSTS: u32 = 10_000;
const PASSES: usize = 15;

fn main() -> ExitCode {
    answer(measure)
}

/// A route table as simple as there is one: what is measured is the layer.
struct Hosts(HashMap<String, Route>);

impl Lookup for Hosts {
    fn lookup_host(&self, host: &str) -> Answer {
        match self.0.get(host) {
            Some(route) => Answer::Hit(*route),
            None => Answer::Absent,
        }
    }

    fn lookup_slug(&self, _: &str) -> Answer {
        Answer::Absent
    }

    fn placement(&self, _: TenantId) -> Option<Placement> {
        None
    }
}

fn host(number: u32) -> String {
    format!("shop-{number}.example")
}

fn hosts() -> Result<Hosts, Failure> {
    let cell = CellId::new(1).ok_or("a cell has a number")?;
    let placement = Placement::new(cell, Lifecycle::Active, Epoch::FIRST);
    let routes = (1..=HOSTS).filter_map(TenantId::new).map(|tenant| {
        let number = u32::try_from(tenant.as_i64()).expect("it was made of one");
        (host(number), Route { tenant, placement })
    });
    Ok(Hosts(routes.collect()))
}

fn measure(words: Words) -> Result<f64, Failure> {
    words.each(|_, _| Ok(false))?;
    let requests = if is_quick() { 1_000 } else { 20_000 };
    let budget = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(1));
    let layer = TenantLayer::new(
        hosts()?,
        Resolver::new().with(HostEvidence),
        OpenToAll,
        move |_| budget,
    );
    let bare = Router::new().route("/", get(async || "a page"));
    let layered = Router::new()
        .route("/", get(async |_: TenantContext<ReadOnly>| "a page"))
        .layer(layer);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        pass(&bare, requests).await?;
        pass(&layered, requests).await?;
        let mut differences = Vec::with_capacity(PASSES);
        for _ in 0..PASSES {
            let without = pass(&bare, requests).await?;
            differences.push(pass(&layered, requests).await? - without);
        }
        Ok(median(&mut differences))
    })
}

/// Microseconds a request.
async fn pass(app: &Router, requests: u32) -> Result<f64, Failure> {
    let begin = processor_time()?;
    for number in 0..requests {
        let request = Request::get("/")
            .header(HOST, host(number * 37 % HOSTS + 1))
            .body(Body::empty())?;
        let response = app.clone().oneshot(request).await?;
        if !response.status().is_success() {
            return Err(format!("{}", response.status()).into());
        }
        black_box(response);
    }
    let nanos = processor_time()?.saturating_sub(begin).as_nanos();
    Ok(nanos as f64 / 1_000.0 / f64::from(requests))
}

/// Of this thread: what else the machine does adds little to it.
fn processor_time() -> Result<Duration, Failure> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
