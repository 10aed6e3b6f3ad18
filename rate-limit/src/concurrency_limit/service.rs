use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tenancy_types::{ProblemJson, Respond};
use tower_service::Service;

use super::{EnterFuture, PermitBody};
use crate::{Permit, Refusal, TenantOf, limits::Books, telemetry};

/// The service of [`ConcurrencyLimitLayer`](crate::ConcurrencyLimitLayer).
// A clone starts not ready, as a clone of the inner service does: readiness is not copied.
#[derive(Clone)]
pub struct ConcurrencyLimit<S, R = ProblemJson> {
    pub(super) inner: S,
    pub(super) books: Arc<Books>,
    pub(super) tenant_of: TenantOf,
    pub(super) respond: R,
}

impl<S, R, ReqB, ResB> Service<Request<ReqB>> for ConcurrencyLimit<S, R>
where
    S: Service<Request<ReqB>, Response = Response<ResB>>,
    R: Respond<ResB>,
    ResB: Body,
{
    type Response = Response<PermitBody<ResB>>;
    type Error = S::Error;
    type Future = EnterFuture<S::Future, ResB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        let tenant = (self.tenant_of)(request.extensions());
        if let Some(permit) = Permit::take(&self.books, tenant) {
            telemetry::entered();
            EnterFuture::serving(self.inner.call(request), permit)
        } else {
            telemetry::turned_away(tenant);
            let response = self.respond.respond(&Refusal::Busy, request.headers());
            EnterFuture::refused(response)
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for ConcurrencyLimit<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
