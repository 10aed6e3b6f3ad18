use std::{
    fmt,
    future::{Ready, ready},
    task::{Context, Poll},
};

use futures_util::future::Either;
use http::{HeaderMap, Request, Response, header};
use tenancy_types::{ProblemJson, Respond};
use tower_layer::Layer;
use tower_service::Service;

use super::{LimitedBody, body::BodyBound};
use crate::gateway::GatewayError;

/// Bounds the bodies of requests: one that announces too much is refused with 413 at once, one that sends too much is
/// cut off where it is read, which a [`Proxy`](super::super::Proxy) and axum answer with 413, too.
///
/// It stands before whatever reads bodies. There is no default: what is right depends on what is uploaded.
///
/// ```
/// use tenancy_cell_router::BodyLimitLayer;
///
/// let layer = BodyLimitLayer::bytes(1 << 20);
/// ```
/// With answers of the application's own:
/// ```
/// use tenancy_cell_router::BodyLimitLayer;
/// use tenancy_types::ProblemJson;
///
/// let layer = BodyLimitLayer::bytes(1 << 20).respond_with(ProblemJson);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BodyLimitLayer<R = ProblemJson> {
    most: u64,
    respond: R,
}

impl BodyLimitLayer {
    /// Takes bodies of at most so many bytes, trailers not counted.
    #[must_use]
    pub fn bytes(most: u64) -> Self {
        Self {
            most,
            respond: ProblemJson,
        }
    }
}

impl<R> BodyLimitLayer<R> {
    /// Answers refused requests in this way instead of with problem details.
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> BodyLimitLayer<R2> {
        BodyLimitLayer {
            most: self.most,
            respond,
        }
    }
}

impl<S, R: Clone> Layer<S> for BodyLimitLayer<R> {
    type Service = BodyLimit<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        BodyLimit {
            inner,
            most: self.most,
            respond: self.respond.clone(),
        }
    }
}

/// The service that [`BodyLimitLayer`] makes.
// A clone starts out not ready, like every clone of the inner service.
#[derive(Clone)]
pub struct BodyLimit<S, R> {
    inner: S,
    most: u64,
    respond: R,
}

/// The answer of the inner service, or the refusal.
pub type BodyLimitFuture<F, RB, E> = Either<F, Ready<Result<Response<RB>, E>>>;

impl<S, R, B, RB> Service<Request<B>> for BodyLimit<S, R>
where
    S: Service<Request<LimitedBody<B>>, Response = Response<RB>>,
    R: Respond<RB>,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = BodyLimitFuture<S::Future, RB, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let most = self.most;
        if announced(request.headers()).is_some_and(|length| length > most) {
            let refusal = GatewayError::BodyTooLarge { most };
            let response = self.respond.respond(&refusal, request.headers());
            return Either::Right(ready(Ok(response)));
        }
        request.extensions_mut().insert(BodyBound { most });
        let bounded = request.map(|body| LimitedBody::new(body, most));
        Either::Left(self.inner.call(bounded))
    }
}

/// The length that the client announced; hyper has refused one that is malformed.
fn announced(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

impl<S: fmt::Debug, R> fmt::Debug for BodyLimit<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyLimit")
            .field("inner", &self.inner)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}
