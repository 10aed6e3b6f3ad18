use std::{convert::Infallible, net::IpAddr, num::NonZeroU16, time::Duration};

use http::{Request, Response, StatusCode, header};
use tenancy_core::{
    Admitted, Grant, HostEvidence, Membership, MembershipUnknown, OpenToAll, Principal, Resolver,
    authority::TrustedProxies,
    middleware::{Peer, TenantLayer},
    types::{Lifecycle, Placement, TenantId, WorkBudget},
};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::routes::{Routes, moving, placed};

fn routes() -> Routes {
    Routes::default()
        .tenant(1, placed(Lifecycle::Active))
        .tenant(2, placed(Lifecycle::Suspended))
        .tenant(3, placed(Lifecycle::Gone))
        .tenant(4, moving(Lifecycle::Active))
        .domain("active.example", 1)
        .domain("suspended.example", 2)
        .domain("gone.example", 3)
        .domain("moving.example", 4)
}

fn layer<M: Membership>(routes: Routes, members: M) -> TenantLayer<Routes, M> {
    let budget = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(1));
    TenantLayer::new(
        routes,
        Resolver::new().with(HostEvidence),
        members,
        move |_| budget,
    )
}

fn get(host: &str) -> Request<()> {
    Request::get("/")
        .header(header::HOST, host)
        .body(())
        .unwrap()
}

/// Answers with the tenant it was called for, and checks that all extensions agree.
async fn echo(request: Request<()>) -> Result<Response<String>, Infallible> {
    let extensions = request.extensions();
    let admitted = extensions
        .get::<Admitted>()
        .expect("the layer admits before it calls");
    assert_eq!(extensions.get::<TenantId>(), Some(&admitted.tenant()));
    assert_eq!(extensions.get::<Placement>(), Some(&admitted.placement()));
    Ok(Response::new(format!(
        "{} for {:?}",
        admitted.tenant(),
        admitted.principal()
    )))
}

async fn answer<M: Membership>(
    layer: TenantLayer<Routes, M>,
    request: Request<()>,
) -> Response<String> {
    layer
        .layer(service_fn(echo))
        .oneshot(request)
        .await
        .unwrap()
}

#[track_caller]
fn check(response: &Response<String>, status: u16, code: &str, retry_after: Option<&str>) {
    assert_eq!(
        response.status(),
        StatusCode::from_u16(status).unwrap(),
        "{}",
        response.body()
    );
    assert!(
        response.body().contains(&format!("\"code\":\"{code}\"")),
        "{}",
        response.body()
    );
    let found = response
        .headers()
        .get(header::RETRY_AFTER)
        .map(|value| value.to_str().unwrap());
    assert_eq!(found, retry_after);
}

#[tokio::test]
async fn a_known_domain_reaches_the_inner_service_with_its_tenant() {
    let response = answer(layer(routes(), OpenToAll), get("Active.Example")).await;
    assert_eq!(response.body(), "1 for visitor");
    let response = answer(layer(routes(), OpenToAll), get("moving.example")).await;
    assert_eq!(response.body(), "4 for visitor");
}

#[tokio::test]
async fn refusals_are_answers_with_a_code() {
    let ask = |host| answer(layer(routes(), OpenToAll), get(host));
    check(&ask("nobody.example").await, 404, "unknown_domain", None);
    check(&ask("not a host").await, 400, "invalid_request", None);
    check(
        &ask("suspended.example").await,
        403,
        "tenant_suspended",
        None,
    );
    check(&ask("gone.example").await, 410, "tenant_gone", None);
    let unfilled = answer(layer(Routes::not_ready(), OpenToAll), get("active.example")).await;
    check(&unfilled, 503, "directory_unavailable", Some("1"));
}

#[tokio::test]
async fn two_host_fields_are_refused_even_when_equal() {
    let mut request = get("active.example");
    request
        .headers_mut()
        .append(header::HOST, "active.example".parse().unwrap());
    check(
        &answer(layer(routes(), OpenToAll), request).await,
        400,
        "invalid_request",
        None,
    );
}

#[tokio::test]
async fn memberships_decide_and_not_knowing_them_is_not_a_no() {
    struct OnlyAnna;
    impl Membership for OnlyAnna {
        fn grant(&self, principal: &Principal, _: TenantId) -> Result<Grant, MembershipUnknown> {
            match principal.subject() {
                Some("anna") => Ok(Grant::ReadWrite),
                Some("unknown") => Err(MembershipUnknown),
                _ => Ok(Grant::None),
            }
        }
    }
    let ask = |user: &str| {
        let mut request = get("active.example");
        request.extensions_mut().insert(Principal::user(user));
        answer(layer(routes(), OnlyAnna), request)
    };
    assert_eq!(ask("anna").await.body(), "1 for user anna");
    check(&ask("ben").await, 403, "not_a_member", None);
    check(
        &ask("unknown").await,
        503,
        "membership_unavailable",
        Some("1"),
    );
    check(
        &answer(layer(routes(), OnlyAnna), get("active.example")).await,
        403,
        "not_a_member",
        None,
    );
}

#[tokio::test]
async fn forwarding_fields_count_only_from_a_trusted_proxy() {
    let ask = |peer: Option<&str>| {
        let layer =
            layer(routes(), OpenToAll).behind(TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]));
        let mut request = get("active.example");
        request
            .headers_mut()
            .insert("x-forwarded-host", "moving.example".parse().unwrap());
        if let Some(peer) = peer {
            request
                .extensions_mut()
                .insert(Peer(peer.parse::<IpAddr>().unwrap()));
        }
        answer(layer, request)
    };
    assert_eq!(ask(Some("10.1.2.3")).await.body(), "4 for visitor");
    assert_eq!(ask(Some("192.0.2.1")).await.body(), "1 for visitor");
    assert_eq!(ask(None).await.body(), "1 for visitor");
}

#[tokio::test]
async fn readiness_of_the_inner_service_is_kept() {
    /// Fails a call that was not preceded by a `poll_ready` on the same instance.
    #[derive(Debug, Default)]
    struct Strict {
        ready: bool,
    }
    impl Clone for Strict {
        fn clone(&self) -> Self {
            Self::default()
        }
    }
    impl Service<Request<()>> for Strict {
        type Response = Response<String>;
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self::Response, Infallible>>;

        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Infallible>> {
            self.ready = true;
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            assert!(
                std::mem::take(&mut self.ready),
                "called without being ready"
            );
            std::future::ready(Ok(Response::new(String::new())))
        }
    }
    let mut service = layer(routes(), OpenToAll).layer(Strict::default());
    for _ in 0..3 {
        let ready = service.ready().await.unwrap();
        ready.call(get("active.example")).await.unwrap();
    }
}
