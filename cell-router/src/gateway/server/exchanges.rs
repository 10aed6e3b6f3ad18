use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use http::{HeaderValue, Request, Response, StatusCode, Version, header::CONNECTION};
use pin_project_lite::pin_project;
use tenancy_core::middleware::Peer;
use tower_service::Service;

use super::ConnectionInfo;

/// Tells each request which connection it came by, and each client of HTTP/1 when that connection takes no more.
#[derive(Clone)]
pub(super) struct Exchanges<S> {
    pub(super) inner: S,
    pub(super) info: ConnectionInfo,
    pub(super) is_draining: Arc<AtomicBool>,
}

impl<S, B, RB> Service<Request<B>> for Exchanges<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // In HTTP/2 the connection says it itself.
        let is_draining =
            (request.version() < Version::HTTP_2).then(|| Arc::clone(&self.is_draining));
        let extensions = request.extensions_mut();
        extensions.insert(Peer(self.info.peer().ip()));
        extensions.insert(self.info.clone());
        Answering {
            answer: self.inner.call(request),
            is_draining,
        }
    }
}

pin_project! {
    /// The answer, the connection's last one if the server is draining by then.
    pub(super) struct Answering<F> {
        #[pin]
        answer: F,
        is_draining: Option<Arc<AtomicBool>>,
    }
}

impl<F, RB, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<RB>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = ready!(this.answer.poll(cx));
        let is_last = this.is_draining.as_ref().is_some_and(|it| it.load(Relaxed));
        if let (true, Ok(response)) = (is_last, &mut answer)
            && response.status() != StatusCode::SWITCHING_PROTOCOLS
        {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        Poll::Ready(answer)
    }
}
