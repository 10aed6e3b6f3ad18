use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, StatusCode, header};
use tenancy_types::{Problem, Respond};
use tower_service::Service;

use super::{EdgeFuture, rules::Rules};
use crate::gateway::{ConnectionInfo, GatewayError, headers::max_forwards::Forward};

/// What a gateway passes on.
const METHODS: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

/// The service that [`EdgeLayer`](super::EdgeLayer) makes.
// A clone starts out not ready, like every clone of the inner service.
#[derive(Clone)]
pub struct EdgeService<S, R> {
    pub(super) inner: S,
    pub(super) rules: Arc<Rules>,
    pub(super) respond: R,
}

impl<S, R, B, RB> Service<Request<B>> for EdgeService<S, R>
where
    S: Service<Request<B>, Response = Response<RB>>,
    R: Respond<RB>,
    RB: Default,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = EdgeFuture<S::Future, RB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let connection = request.extensions().get::<ConnectionInfo>().cloned();
        let applied = match connection {
            Some(connection) => self.rules.apply(&mut request, &connection),
            None => Err(GatewayError::NoConnection),
        };
        match applied {
            Ok((passport, Forward::On)) => {
                request.extensions_mut().insert(passport);
                EdgeFuture::calling(self.inner.call(request))
            }
            Ok((_, Forward::Here)) => EdgeFuture::answered(own_options()),
            Err(error) => EdgeFuture::answered(self.refuse(&error, &request)),
        }
    }
}

impl<S, R> EdgeService<S, R> {
    fn refuse<B, RB>(&self, error: &GatewayError, request: &Request<B>) -> Response<RB>
    where
        R: Respond<RB>,
    {
        tracing::debug!(code = %error.code(), %error, "request refused at the edge");
        let mut response = self.respond.respond(error, request.headers());
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, METHODS);
        }
        response
    }
}

/// What this gateway itself can do (RFC 9110, section 9.3.7).
fn own_options<RB: Default>() -> Response<RB> {
    let mut response = Response::new(RB::default());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(header::ALLOW, METHODS);
    response
}

impl<S: fmt::Debug, R> fmt::Debug for EdgeService<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeService")
            .field("inner", &self.inner)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
