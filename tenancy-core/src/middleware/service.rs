use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tenancy_types::{Lookup, Respond};
use tower_service::Service;

#[cfg(feature = "axum")]
use super::responder::Responder;
use super::{ResponseFuture, layer::Admission};
use crate::Membership;

/// The service that [`TenantLayer`](super::TenantLayer) makes.
pub struct TenantService<S, L, M, R> {
    pub(super) inner: S,
    pub(super) admission: Arc<Admission<L, M>>,
    pub(super) respond: R,
}

impl<S, L, M, R, B, RB> Service<Request<B>> for TenantService<S, L, M, R>
where
    S: Service<Request<B>, Response = Response<RB>>,
    L: Lookup,
    M: Membership,
    R: Respond<RB>,
    RB: 'static,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, RB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        match self.admission.admit(&parts) {
            Ok(admitted) => {
                parts.extensions.insert(admitted.tenant());
                parts.extensions.insert(admitted.placement());
                parts.extensions.insert(admitted);
                #[cfg(feature = "axum")]
                parts
                    .extensions
                    .insert(Responder::<RB>::new(self.respond.clone()));
                ResponseFuture::calling(self.inner.call(Request::from_parts(parts, body)))
            }
            Err(refusal) => {
                tracing::debug!(code = %tenancy_types::Problem::code(&refusal), "request refused");
                ResponseFuture::refused(self.respond.respond(&refusal, &parts.headers))
            }
        }
    }
}

// A clone starts out not ready, like every clone of the inner service.
impl<S: Clone, L, M, R: Clone> Clone for TenantService<S, L, M, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            admission: Arc::clone(&self.admission),
            respond: self.respond.clone(),
        }
    }
}

impl<S: fmt::Debug, L, M, R> fmt::Debug for TenantService<S, L, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
