use std::task::{Context, Poll};

use http::{Request, Response};
use tenancy_types::{Clock, ProblemJson, Respond, SystemClock};
use tower_service::Service;

use super::ResponseFuture;
use crate::{TenantLimits, TenantOf, fields, telemetry};

/// The service of [`RateLimitLayer`](crate::RateLimitLayer).
// A clone starts not ready, as a clone of the inner service does: readiness is not copied.
#[derive(Clone, Debug)]
pub struct RateLimit<S, C = SystemClock, R = ProblemJson> {
    pub(super) inner: S,
    pub(super) limits: TenantLimits<C>,
    pub(super) tenant_of: TenantOf,
    pub(super) respond: R,
}

impl<S, C, R, ReqB, ResB> Service<Request<ReqB>> for RateLimit<S, C, R>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    C: Clock,
    R: Respond<ResB>,
{
    type Response = Response<ResB>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, ResB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        let tenant = (self.tenant_of)(request.extensions());
        let decision = match tenant {
            Some(tenant) => self.limits.check(tenant, 1),
            None => self.limits.check_unidentified(1),
        };
        telemetry::decided(&decision, tenant);
        match decision.refusal() {
            None => ResponseFuture::serving(self.inner.call(request), decision),
            Some(refusal) => {
                let mut response = self.respond.respond(&refusal, request.headers());
                fields::insert(&decision, response.headers_mut());
                ResponseFuture::refused(response)
            }
        }
    }
}
