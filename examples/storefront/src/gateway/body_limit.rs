//! A bound on visitors' bodies: one that announces too much is refused at once, one that sends too much is
//! cut off where it is read.

use std::{
    borrow::Cow,
    future::{Ready, ready},
    task::{Context, Poll},
};

use axum::body::Body;
use futures_util::future::Either;
use http::{HeaderMap, Request, Response, header};
use http_body_util::Limited;
use tenancy_types::{Code, Kind, Problem, Respond};
use tower::{Layer, Service};

use crate::pages::Answer;

/// Bounds bodies to so many bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimitLayer {
    pub(super) most: usize,
}

impl<S> Layer<S> for BodyLimitLayer {
    type Service = BodyLimit<S>;

    fn layer(&self, inner: S) -> BodyLimit<S> {
        BodyLimit {
            inner,
            most: self.most,
        }
    }
}

/// The service that [`BodyLimitLayer`] makes.
// A clone starts out not ready, like every clone of the inner service.
#[derive(Clone, Debug)]
pub(super) struct BodyLimit<S> {
    inner: S,
    most: usize,
}

impl<S> Service<Request<Body>> for BodyLimit<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if announced(request.headers()).is_some_and(|length| length > self.most as u64) {
            let refusal = BodyTooLarge { most: self.most };
            return Either::Right(ready(Ok(Answer.respond(&refusal, request.headers()))));
        }
        let bounded = request.map(|body| Body::new(Limited::new(body, self.most)));
        Either::Left(self.inner.call(bounded))
    }
}

/// The length that the client announced; hyper has refused one that is malformed.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// The body is larger than what is accepted.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body is larger than {most} bytes")]
struct BodyTooLarge {
    most: usize,
}

impl Problem for BodyTooLarge {
    fn code(&self) -> Code {
        Code::new("body_too_large")
    }

    fn kind(&self) -> Kind {
        Kind::TooLarge
    }

    fn client_text(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}
