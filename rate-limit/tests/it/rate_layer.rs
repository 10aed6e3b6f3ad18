//! The rate limit as a middleware, on real requests.

use std::{
    convert::Infallible,
    future::Ready,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use tenancy_rate_limit::{Problem, RateLimitLayer, Respond, TenantId};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{quota, single, standard, tenant};

type Body = Full<Bytes>;

fn request(id: u32) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    request.extensions_mut().insert(tenant(id));
    request
}

/// An inner service that counts its calls and insists on being asked for readiness before each. As tower
/// allows, a clone is not ready.
#[derive(Default)]
struct Counting {
    calls: Arc<AtomicU32>,
    ready: bool,
}

impl Clone for Counting {
    fn clone(&self) -> Self {
        Self {
            calls: Arc::clone(&self.calls),
            ready: false,
        }
    }
}

impl<B> Service<Request<B>> for Counting {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without readiness");
        self.calls.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(Response::new(Body::from("hello"))))
    }
}

#[track_caller]
fn check_fields(response: &Response<Body>, limit: &str, policy: &str, retry_after: Option<&str>) {
    let field = |name| response.headers().get(name).map(|v| v.to_str().unwrap());
    assert_eq!(field("ratelimit"), Some(limit));
    assert_eq!(field("ratelimit-policy"), Some(policy));
    assert_eq!(field("retry-after"), retry_after);
}

#[tokio::test]
async fn it_lets_the_quota_pass_and_refuses_the_rest() {
    let (limits, clock) = single(quota(2, 3), 1);
    let inner = Counting::default();
    let service = RateLimitLayer::new(limits).layer(inner.clone());
    let policy = "\"default\";q=3;w=2";
    // Half a second a unit, in whole seconds and rounded up.
    for limit in [
        "\"default\";r=2;t=1",
        "\"default\";r=1;t=1",
        "\"default\";r=0;t=2",
    ] {
        let response = service.clone().oneshot(request(1)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        check_fields(&response, limit, policy, None);
    }
    let refused = service.clone().oneshot(request(1)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    check_fields(&refused, "\"default\";r=0;t=1", policy, Some("1"));
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    let body = std::str::from_utf8(&body).unwrap();
    assert!(body.contains("\"code\":\"rate_limited\""), "{body}");
    assert_eq!(inner.calls.load(Ordering::Relaxed), 3);

    // Who obeys Retry-After is served; another tenant was never concerned.
    clock.advance(Duration::from_secs(1));
    let again = service.clone().oneshot(request(1)).await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    let other = service.clone().oneshot(request(2)).await.unwrap();
    check_fields(&other, "\"default\";r=2;t=1", policy, None);
}

#[tokio::test]
async fn retry_after_is_rounded_up() {
    let (limits, clock) = single(quota(1, 1), 1);
    let service = RateLimitLayer::new(limits).layer(Counting::default());
    for (after, expect) in [(0, None), (0, Some("1")), (999, Some("1")), (1, None)] {
        clock.advance(Duration::from_millis(after));
        let response = service.clone().oneshot(request(1)).await.unwrap();
        let found = response
            .headers()
            .get("retry-after")
            .map(|v| v.to_str().unwrap());
        assert_eq!(found, expect);
    }
}

#[tokio::test]
async fn asking_for_readiness_spends_nothing() {
    let (limits, _) = single(quota(1, 5), 1);
    let mut service = RateLimitLayer::new(limits.clone()).layer(Counting::default());
    for _ in 0..100 {
        ServiceExt::<Request<Empty<Bytes>>>::ready(&mut service)
            .await
            .unwrap();
    }
    assert_eq!(limits.peek(tenant(1)).remaining(), 5);
    let unpolled = service.call(request(1));
    assert_eq!(limits.peek(tenant(1)).remaining(), 4, "decided in `call`");
    drop(unpolled);
}

#[tokio::test]
async fn clones_share_the_state() {
    let (limits, _) = single(quota(1, 2), 1);
    let layer = RateLimitLayer::new(limits);
    let first = layer.layer(Counting::default());
    let second = first.clone();
    let third = layer.layer(Counting::default());
    let mut statuses = Vec::new();
    for service in [first, second, third] {
        let response = service.oneshot(request(1)).await.unwrap();
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429]);
}

#[test]
fn an_inner_service_that_is_not_ready_holds_the_layer_back() {
    struct Busy;
    impl Service<Request<Body>> for Busy {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Ready<Result<Response<Body>, Infallible>>;
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Pending
        }
        fn call(&mut self, _: Request<Body>) -> Self::Future {
            panic!("not ready");
        }
    }
    let (limits, _) = single(quota(1, 1), 1);
    let mut service = RateLimitLayer::new(limits).layer(Busy);
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_pending());
}

#[tokio::test]
async fn an_error_of_the_inner_service_stays_as_it_is() {
    let (limits, _) = single(quota(1, 1), 1);
    let failing =
        service_fn(|_: Request<Empty<Bytes>>| async { Err::<Response<Body>, _>("broken") });
    let service = RateLimitLayer::new(limits).layer(failing);
    assert_eq!(
        service.clone().oneshot(request(1)).await.unwrap_err(),
        "broken"
    );
    // It was a request all the same.
    assert_eq!(service.oneshot(request(1)).await.unwrap().status(), 429);
}

#[tokio::test]
async fn requests_without_a_tenant_share_one_bucket() {
    let (limits, _) = standard();
    assert!(limits.check_unidentified(499).is_allowed());
    let service = RateLimitLayer::new(limits).layer(Counting::default());
    let stranger = || Request::new(Empty::<Bytes>::new());
    let first = service.clone().oneshot(stranger()).await.unwrap();
    assert_eq!(first.status(), StatusCode::OK);
    let second = service.oneshot(stranger()).await.unwrap();
    assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[derive(Clone)]
struct Shop {
    tenant: TenantId,
}

#[derive(Clone)]
struct Teapot;

impl Respond<Body> for Teapot {
    fn respond(&self, problem: &dyn Problem, request: &HeaderMap) -> Response<Body> {
        let wanted = request.get("accept").unwrap().to_str().unwrap();
        let text = format!("{} as {wanted}", problem.code());
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = StatusCode::IM_A_TEAPOT;
        response
    }
}

#[tokio::test]
async fn the_tenant_and_the_refusal_are_the_applications_choice() {
    let (limits, _) = single(quota(1, 1), 1);
    let service = RateLimitLayer::new(limits)
        .tenant_of(|extensions| extensions.get::<Shop>().map(|shop| shop.tenant))
        .respond_with(Teapot)
        .layer(Counting::default());
    let request = |id| {
        let mut request = Request::new(Empty::<Bytes>::new());
        request
            .headers_mut()
            .insert("accept", "text/html".parse().unwrap());
        request.extensions_mut().insert(Shop { tenant: tenant(id) });
        request
    };
    assert_eq!(
        service.clone().oneshot(request(1)).await.unwrap().status(),
        200
    );
    assert_eq!(
        service.clone().oneshot(request(2)).await.unwrap().status(),
        200
    );
    let refused = service.oneshot(request(1)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::IM_A_TEAPOT);
    let body = refused.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "rate_limited as text/html");
}

#[tokio::test]
async fn fields_of_an_inner_limit_are_replaced() {
    let inner = service_fn(|_: Request<Empty<Bytes>>| async {
        let mut response = Response::new(Body::default());
        let value = "\"default\";r=9;t=9".parse().unwrap();
        response.headers_mut().insert("ratelimit", value);
        Ok::<_, Infallible>(response)
    });
    let (limits, _) = single(quota(1, 2), 1);
    let response = RateLimitLayer::new(limits)
        .layer(inner)
        .oneshot(request(1))
        .await
        .unwrap();
    let values: Vec<_> = response.headers().get_all("ratelimit").iter().collect();
    assert_eq!(values, ["\"default\";r=1;t=1"]);
}
