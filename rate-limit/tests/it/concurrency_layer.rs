//! The concurrency cap as a middleware: when exactly a place is taken and given back.

use std::{
    convert::Infallible,
    future::{Future, pending},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full, combinators::BoxBody};
use tenancy_rate_limit::{ConcurrencyLimitLayer, TenantLimits};
use tenancy_types::ManualClock;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{quota, single, tenant};

type Body = BoxBody<Bytes, &'static str>;

fn request() -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    request.extensions_mut().insert(tenant(1));
    request
}

fn one_place() -> TenantLimits<ManualClock> {
    single(quota(1, 1), 1).0
}

fn in_flight(limits: &TenantLimits<ManualClock>) -> u32 {
    limits.in_flight(tenant(1))
}

/// A body of these frames, as they come.
fn frames(frames: Vec<Result<http_body::Frame<Bytes>, &'static str>>) -> Body {
    struct Frames(std::vec::IntoIter<Result<http_body::Frame<Bytes>, &'static str>>);
    impl http_body::Body for Frames {
        type Data = Bytes;
        type Error = &'static str;
        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<http_body::Frame<Bytes>, &'static str>>> {
            Poll::Ready(self.0.next())
        }
    }
    BodyExt::boxed(Frames(frames.into_iter()))
}

fn data(text: &'static str) -> Result<http_body::Frame<Bytes>, &'static str> {
    Ok(http_body::Frame::data(Bytes::from_static(text.as_bytes())))
}

/// Sends a request through the layer to a service that answers with this body.
async fn answer(
    limits: &TenantLimits<ManualClock>,
    body: impl FnOnce() -> Body + Clone,
) -> Response<tenancy_rate_limit::PermitBody<Body>> {
    let inner = service_fn(move |_: Request<Empty<Bytes>>| {
        let response = Response::new((body.clone())());
        async { Ok::<_, Infallible>(response) }
    });
    let service = ConcurrencyLimitLayer::new(limits)
        .respond_with(Plain)
        .layer(inner);
    service.oneshot(request()).await.unwrap()
}

#[derive(Clone)]
struct Plain;

impl tenancy_rate_limit::Respond<Body> for Plain {
    fn respond(&self, problem: &dyn tenancy_rate_limit::Problem, _: &HeaderMap) -> Response<Body> {
        let mut response = Response::new(frames(vec![data("busy")]));
        *response.status_mut() = StatusCode::from_u16(problem.kind().http_status()).unwrap();
        response
    }
}

#[tokio::test]
async fn the_place_is_held_until_the_last_frame() {
    let limits = one_place();
    let response = answer(&limits, || frames(vec![data("a"), data("b")])).await;
    let mut body = response.into_body();
    for expect in ["a", "b"] {
        assert_eq!(in_flight(&limits), 1);
        let frame = body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), expect);
    }
    assert_eq!(in_flight(&limits), 1, "more could come");
    assert!(body.frame().await.is_none());
    assert_eq!(in_flight(&limits), 0, "ended, though not dropped");
}

#[tokio::test]
async fn meanwhile_the_next_request_is_refused() {
    let limits = one_place();
    let first = answer(&limits, || frames(vec![data("a")])).await;
    let second = answer(&limits, || panic!("the inner service must not be called")).await;
    assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
    // The refusal's body holds no place, and dropping it gives none back.
    drop(second);
    assert_eq!(in_flight(&limits), 1);
    drop(first);
    let third = answer(&limits, || frames(vec![])).await;
    assert_eq!(third.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_body_that_is_dropped_early_gives_the_place_back() {
    let limits = one_place();
    let mut body = answer(&limits, || frames(vec![data("a"), data("b")]))
        .await
        .into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(in_flight(&limits), 1);
    drop(body);
    assert_eq!(in_flight(&limits), 0);
}

#[tokio::test]
async fn a_body_that_fails_gives_the_place_back() {
    let limits = one_place();
    let mut body = answer(&limits, || frames(vec![data("a"), Err("reset")]))
        .await
        .into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(body.frame().await.unwrap().unwrap_err(), "reset");
    assert_eq!(in_flight(&limits), 0);
}

#[tokio::test]
async fn trailers_are_passed_on() {
    let limits = one_place();
    let trailers = || {
        let fields = HeaderMap::from_iter([("grpc-status".parse().unwrap(), "0".parse().unwrap())]);
        frames(vec![data("a"), Ok(http_body::Frame::trailers(fields))])
    };
    let body = answer(&limits, trailers).await.into_body();
    let collected = body.collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(in_flight(&limits), 0);
}

#[tokio::test]
async fn a_body_that_knows_its_end_is_not_waited_for() {
    let limits = one_place();
    let whole = |text: &'static str| move || Full::from(text).map_err(|e| match e {}).boxed();
    // Servers do not poll such bodies once more, nor empty ones at all.
    let mut body = answer(&limits, whole("all")).await.into_body();
    assert_eq!(in_flight(&limits), 1);
    body.frame().await.unwrap().unwrap();
    assert_eq!(in_flight(&limits), 0);
    let empty = answer(&limits, whole("")).await;
    assert_eq!(in_flight(&limits), 0);
    let body = empty.into_body();
    assert!(http_body::Body::is_end_stream(&body));
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(0));
}

#[test]
fn a_future_that_is_dropped_gives_the_place_back() {
    let limits = one_place();
    let inner =
        service_fn(|_: Request<Empty<Bytes>>| pending::<Result<Response<Body>, Infallible>>());
    let mut service = ConcurrencyLimitLayer::new(&limits)
        .respond_with(Plain)
        .layer(inner);
    let mut cx = Context::from_waker(Waker::noop());
    // Before its first poll, and in the middle.
    let unpolled = service.call(request());
    assert_eq!(in_flight(&limits), 1);
    drop(unpolled);
    assert_eq!(in_flight(&limits), 0);
    {
        let mut polled = pin!(service.call(request()));
        assert!(polled.as_mut().poll(&mut cx).is_pending());
        assert_eq!(in_flight(&limits), 1);
    }
    assert_eq!(in_flight(&limits), 0);
}

#[test]
fn a_handler_that_panics_gives_the_place_back() {
    let limits = one_place();
    let inner = service_fn(|_: Request<Empty<Bytes>>| async {
        assert!(std::hint::black_box(false), "in the handler");
        Ok::<_, Infallible>(Response::new(frames(vec![])))
    });
    let mut service = ConcurrencyLimitLayer::new(&limits)
        .respond_with(Plain)
        .layer(inner);
    let mut cx = Context::from_waker(Waker::noop());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut future = pin!(service.call(request()));
        assert_eq!(in_flight(&limits), 1);
        let _ = future.as_mut().poll(&mut cx);
    }));
    assert!(panicked.is_err());
    assert_eq!(in_flight(&limits), 0);
}

#[tokio::test]
async fn an_error_of_the_inner_service_gives_the_place_back() {
    let limits = one_place();
    let inner = service_fn(|_: Request<Empty<Bytes>>| async { Err::<Response<Body>, _>("broken") });
    let mut service = ConcurrencyLimitLayer::new(&limits)
        .respond_with(Plain)
        .layer(inner);
    let mut future = pin!(service.call(request()));
    assert_eq!(future.as_mut().await.unwrap_err(), "broken");
    assert_eq!(in_flight(&limits), 0, "ready, though not dropped");
}

#[tokio::test]
async fn asking_for_readiness_takes_no_place() {
    let limits = one_place();
    let inner = service_fn(|_: Request<Empty<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(frames(vec![])))
    });
    // A thousand idle connections, each with a clone that was asked.
    let service = ConcurrencyLimitLayer::new(&limits)
        .respond_with(Plain)
        .layer(inner);
    let mut idle: Vec<_> = (0..1_000).map(|_| service.clone()).collect();
    for connection in &mut idle {
        ServiceExt::<Request<Empty<Bytes>>>::ready(connection)
            .await
            .unwrap();
    }
    assert_eq!(in_flight(&limits), 0);
    let response = idle[999].call(request()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_default_refusal_says_when_to_come_back() {
    let limits = one_place();
    let _permit = limits.try_enter(tenant(1)).unwrap();
    let inner = service_fn(|_: Request<Empty<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let service = ConcurrencyLimitLayer::new(&limits).layer(inner);
    let response = service.oneshot(request()).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "1");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = std::str::from_utf8(&body).unwrap();
    assert!(body.contains("\"code\":\"rate_limited\""), "{body}");
}
