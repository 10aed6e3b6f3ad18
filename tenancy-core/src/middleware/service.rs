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
    pub(super) respond: Arc<R>,
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.admission.admit(&request) {
            Ok(admitted) => {
                let extensions = request.extensions_mut();
                extensions.insert(admitted.tenant());
                extensions.insert(admitted.placement());
                extensions.insert(admitted);
                #[cfg(feature = "axum")]
                extensions.insert(Responder::<RB>::new(&self.respond));
                ResponseFuture::calling(self.inner.call(request))
            }
            Err(refusal) => {
                tracing::debug!(code = %tenancy_types::Problem::code(&refusal), "request refused");
                ResponseFuture::refused(self.respond.respond(&refusal, request.headers()))
            }
        }
    }
}

// A clone starts out not ready, like every clone of the inner service.
impl<S: Clone, L, M, R> Clone for TenantService<S, L, M, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            admission: Arc::clone(&self.admission),
            respond: Arc::clone(&self.respond),
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
