use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tenancy_core::Refusal;
use tenancy_types::{Lookup, Problem, Respond};
use tower_service::Service;

use super::{RouteFuture, find::Found, layer::Shared};
use crate::{Asked, RouteKey, Verdict};

/// The service that [`RouteLayer`](super::RouteLayer) makes.
pub struct RouteService<S, L, R> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<L, R>>,
}

impl<S, L, R, B, RB> Service<Request<B>> for RouteService<S, L, R>
where
    S: Service<Request<B>, Response = Response<RB>> + Clone,
    L: Lookup,
    R: Respond<RB>,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = RouteFuture<S, B, L, R, RB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let found = (self.shared.finder).find((&request).into(), request.extensions());
        let asked = match found {
            Ok(Found::Known(route)) => {
                request.extensions_mut().insert(route);
                return RouteFuture::calling(self.inner.call(request));
            }
            Ok(Found::Unknown(key)) => self.ask(&key),
            Ok(Found::Nobodys) => Asked::Answered(Verdict::Absent),
            Err(refusal) => {
                return RouteFuture::refused(refuse(&self.shared.respond, &refusal, &request));
            }
        };
        match asked {
            Asked::Answered(verdict) => match verdict.route() {
                Ok(route) => {
                    request.extensions_mut().insert(route);
                    RouteFuture::calling(self.inner.call(request))
                }
                Err(refusal) => {
                    RouteFuture::refused(refuse(&self.shared.respond, &refusal, &request))
                }
            },
            Asked::Waiting(confirming) => {
                // The instance that is ready waits with the request; what stays here has yet to become so.
                let clone = self.inner.clone();
                let ready = std::mem::replace(&mut self.inner, clone);
                RouteFuture::confirming(confirming, ready, request, Arc::clone(&self.shared))
            }
        }
    }
}

impl<S, L, R> RouteService<S, L, R> {
    fn ask(&self, key: &RouteKey) -> Asked {
        match &self.shared.confirmer {
            Some(confirmer) => confirmer.ask(key),
            None => Asked::Answered(Verdict::Absent),
        }
    }
}

pub(super) fn refuse<B, R: Respond<RB>, RB>(
    respond: &R,
    refusal: &Refusal,
    request: &Request<B>,
) -> Response<RB> {
    tracing::debug!(code = %refusal.code(), "request refused");
    respond.respond(refusal, request.headers())
}

// A clone starts out not ready, like every clone of the inner service.
impl<S: Clone, L, R> Clone for RouteService<S, L, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: fmt::Debug, L, R> fmt::Debug for RouteService<S, L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
