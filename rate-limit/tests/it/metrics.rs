//! The counters: each request once, by outcome, never by tenant.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use metrics::{
    Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
    with_local_recorder,
};
use tenancy_rate_limit::{ConcurrencyLimitLayer, RateLimitLayer};
use tower::{Layer, Service, service_fn};

use crate::support::{quota, single, tenant};

#[derive(Default)]
struct Counters(Mutex<BTreeMap<String, Arc<AtomicU64>>>);

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<_> = key
            .labels()
            .map(|l| format!("{}={}", l.key(), l.value()))
            .collect();
        let name = format!("{} {}", key.name(), labels.join(" "));
        let mut counters = self.0.lock().unwrap();
        Counter::from_arc(Arc::clone(counters.entry(name).or_default()))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        panic!("there are no gauges");
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        panic!("there are no histograms");
    }
}

#[test]
fn each_request_is_counted_once() {
    let (limits, _) = single(quota(1, 2), 1);
    let inner = service_fn(|_: Request<Empty<Bytes>>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut service =
        RateLimitLayer::new(limits.clone()).layer(ConcurrencyLimitLayer::new(&limits).layer(inner));
    let counters = Counters::default();
    with_local_recorder(&counters, || {
        let held: Vec<_> = (0..3)
            .map(|_| {
                let mut request = Request::new(Empty::new());
                request.extensions_mut().insert(tenant(1));
                service.call(request)
            })
            .collect();
        drop(held);
        drop(service.call(Request::new(Empty::new())));
    });
    let counted: Vec<_> = counters.0.into_inner().unwrap().into_iter().collect();
    let counted: Vec<_> = counted
        .iter()
        .map(|(name, n)| (name.as_str(), n.load(Ordering::Relaxed)))
        .collect();
    assert_eq!(
        counted,
        [
            (
                "tenancy_concurrency_limit_requests_total outcome=entered",
                2
            ),
            (
                "tenancy_concurrency_limit_requests_total outcome=refused",
                1
            ),
            (
                "tenancy_rate_limit_requests_total outcome=allowed bucket=shared",
                1
            ),
            (
                "tenancy_rate_limit_requests_total outcome=allowed bucket=tenant",
                2
            ),
            (
                "tenancy_rate_limit_requests_total outcome=denied bucket=tenant",
                1
            ),
        ]
    );
}
