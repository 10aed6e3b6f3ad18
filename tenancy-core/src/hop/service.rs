use std::task::{Context, Poll};

use http::{Request, Response};
use tenancy_types::{Problem as _, Respond, Route};
use tower_service::Service;

use super::{HEADER, HopSigner, HopVerifier};
use crate::middleware::ResponseFuture;

/// The service that [`HopSignLayer`](super::HopSignLayer) makes. A clone starts out not ready, like every clone of the inner
/// service.
#[derive(Clone, Debug)]
pub struct HopSign<S> {
    pub(super) inner: S,
    pub(super) signer: HopSigner,
}

impl<S, B> Service<Request<B>> for HopSign<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let route = request.extensions().get::<Route>().copied();
        match route.map(|route| self.signer.sign(route)) {
            // In place of all that came.
            Some(token) => drop(request.headers_mut().insert(HEADER, token)),
            None => drop(request.headers_mut().remove(HEADER)),
        }
        self.inner.call(request)
    }
}

/// The service that [`HopVerifyLayer`](super::HopVerifyLayer) makes. A clone starts out not ready, like every clone of the
/// inner service.
#[derive(Clone, Debug)]
pub struct HopVerify<S, R> {
    pub(super) inner: S,
    pub(super) verifier: HopVerifier,
    pub(super) respond: R,
}

impl<S, R, B, RB> Service<Request<B>> for HopVerify<S, R>
where
    S: Service<Request<B>, Response = Response<RB>>,
    R: Respond<RB>,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future, RB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.verifier.verify(request.headers()) {
            Ok(claim) => {
                request.headers_mut().remove(HEADER);
                let extensions = request.extensions_mut();
                extensions.insert(claim);
                extensions.insert(claim.route());
                ResponseFuture::calling(self.inner.call(request))
            }
            Err(refused) => {
                tracing::debug!(code = %refused.code(), %refused, "request refused");
                ResponseFuture::refused(self.respond.respond(&refused, request.headers()))
            }
        }
    }
}
