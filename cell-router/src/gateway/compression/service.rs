use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_util::future::{MapOk, TryFutureExt as _};
use http::{
    Method, Request, Response,
    header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_http::compression::{
    Compression as Encoding, CompressionBody, Predicate, ResponseFuture as EncodingFuture,
    predicate::SizeAbove,
};
use tower_service::Service;

use super::rules;

/// The service that [`CompressionLayer`](super::CompressionLayer) makes.
// A clone starts out not ready, like every clone of the inner service.
#[derive(Clone)]
pub struct Compression<S> {
    pub(super) encoding: Encoding<Marking<S>, Rule>,
    pub(super) rule: Rule,
}

/// Which answers are encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) smallest: u64,
}

impl Predicate for Rule {
    fn should_compress<B: Body>(&self, response: &Response<B>) -> bool {
        let asked = response.extensions().get::<Asked>();
        asked == Some(&Asked::ForBody)
            && rules::may_shrink(response.status(), response.headers())
            && SizeAbove::new(self.smallest).should_compress(response)
    }
}

/// What the request was, noted in the answer on its way out. The encoded body does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    ForBody,
    ForHead,
}

/// Notes what was asked.
#[derive(Clone, Debug)]
pub(super) struct Marking<S> {
    pub(super) inner: S,
}

type Mark<B> = fn(Response<B>) -> Response<B>;

fn for_body<B>(mut response: Response<B>) -> Response<B> {
    if !response.headers().contains_key(CONTENT_ENCODING) {
        response.extensions_mut().insert(Asked::ForBody);
    }
    response
}

fn for_head<B>(mut response: Response<B>) -> Response<B> {
    response.extensions_mut().insert(Asked::ForHead);
    response
}

impl<S, B, RB> Service<Request<B>> for Marking<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = MapOk<S::Future, Mark<RB>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mark: Mark<RB> = match *request.method() {
            Method::HEAD => for_head,
            _ => for_body,
        };
        self.inner.call(request).map_ok(mark)
    }
}

impl<S, B, RB> Service<Request<B>> for Compression<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
    RB: Body,
{
    type Response = Response<CompressedBody<RB>>;
    type Error = S::Error;
    type Future = CompressionFuture<S::Future, RB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Service::<Request<B>>::poll_ready(&mut self.encoding, cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let headers = request.headers_mut();
        if headers.contains_key(ACCEPT_ENCODING) {
            match rules::accepted(headers).filter(|left| !left.is_empty()) {
                Some(left) => headers.insert(ACCEPT_ENCODING, left),
                None => headers.remove(ACCEPT_ENCODING),
            };
        }
        CompressionFuture {
            encoding: self.encoding.call(request),
            rule: self.rule,
        }
    }
}

pin_project! {
    /// The answer, encoded where that makes it smaller.
    pub struct CompressionFuture<F, RB> {
        #[pin]
        encoding: EncodingFuture<MapOk<F, Mark<RB>>, Rule>,
        rule: Rule,
    }
}

impl<F, RB, E> Future for CompressionFuture<F, RB>
where
    F: Future<Output = Result<Response<RB>, E>>,
    RB: Body,
{
    type Output = Result<Response<CompressedBody<RB>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.encoding.poll(cx))?;
        let asked = response.extensions_mut().remove::<Asked>();
        let is_encoded = response.headers().contains_key(CONTENT_ENCODING);
        match asked {
            Some(Asked::ForBody) if is_encoded => rules::weaken(response.headers_mut()),
            Some(Asked::ForHead) if this.rule.would_encode(&response) => {
                rules::tell_of_shrinking(response.headers_mut());
            }
            _ => {}
        }
        Poll::Ready(Ok(response.map(|inner| CompressedBody { inner })))
    }
}

impl Rule {
    /// Whether GET's answer would be encoded for somebody.
    fn would_encode<B>(self, head: &Response<B>) -> bool {
        let length = head.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        rules::may_shrink(head.status(), head.headers())
            && length.is_none_or(|length| length >= self.smallest)
    }
}

pin_project! {
    /// A body that may be encoded.
    pub struct CompressedBody<B: Body> {
        #[pin]
        inner: CompressionBody<B>,
    }
}

impl<B> Body for CompressedBody<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = bytes::Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<S: fmt::Debug> fmt::Debug for Compression<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compression")
            .field("inner", &self.encoding.get_ref().inner)
            .field("rule", &self.rule)
            .finish()
    }
}

impl<F, RB> fmt::Debug for CompressionFuture<F, RB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressionFuture").finish_non_exhaustive()
    }
}

impl<B: Body> fmt::Debug for CompressedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressedBody").finish_non_exhaustive()
    }
}
