use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, Client},
    rt::{TokioExecutor, TokioTimer},
};

use super::{
    connect::{Connector, Used},
    http2::Http2,
    request_body::RequestBody,
    upstream::{Protocol, Upstream},
};
use crate::gateway::{Expired, GatewayError, Timeouts};

/// The connections to all upstreams.
pub(super) struct Connections<B> {
    http1: Client<Connector, RequestBody<B>>,
    http2: Http2<B>,
}

impl<B> Connections<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
{
    pub(super) fn new(timeouts: &Timeouts) -> Self {
        let connector = Connector::new(timeouts.connect);
        let http1 = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(timeouts.pooled)
            .set_host(false)
            .build(connector.clone());
        Self {
            http1,
            http2: Http2::new(connector, timeouts.pooled),
        }
    }

    /// Sends a request. It is sent a second time only when the first cannot have had an effect: it was not sent, or it
    /// is idempotent, without a body, and met a connection that the upstream had closed meanwhile (RFC 9110, section
    /// 9.2.2).
    ///
    /// Dropping the answer gives the request up: its connection (HTTP/1.1) or stream (HTTP/2) is closed.
    pub(super) fn send(
        self: &Arc<Self>,
        upstream: Upstream,
        request: Request<RequestBody<B>>,
    ) -> Answer<B> {
        match upstream.protocol {
            Protocol::Http2 => Answer::Http2(Box::pin(
                self.http2.clone().send(upstream.authority, request),
            )),
            Protocol::Http1 => {
                let again = repeatable(&request).map(|copy| {
                    let connections = Arc::clone(self);
                    Box::new(Again { connections, copy })
                });
                let sent = self.http1.request(request);
                Answer::Http1 { sent, again }
            }
        }
    }
}

/// An answer that is under way.
pub(super) enum Answer<B> {
    // Once more to itself when it may be repeated and met a stale connection.
    Http1 {
        sent: legacy::ResponseFuture,
        again: Option<Box<Again<B>>>,
    },
    // Stays until the upstream has answered.
    Http2(Pin<Box<dyn Future<Output = Result<Response<Incoming>, SendError>> + Send>>),
}

/// What a request that may be repeated is repeated with.
pub(super) struct Again<B> {
    connections: Arc<Connections<B>>,
    copy: Request<RequestBody<B>>,
}

impl<B> Answer<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
{
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<Incoming>, SendError>> {
        let (sent, again) = match self {
            Self::Http1 { sent, again } => (sent, again),
            Self::Http2(sent) => return sent.as_mut().poll(cx),
        };
        loop {
            let error = match ready!(Pin::new(&mut *sent).poll(cx)) {
                Ok(response) => return Poll::Ready(Ok(used(response))),
                Err(error) => error,
            };
            match again.take() {
                Some(again) if is_stale(&error) => {
                    *sent = again.connections.http1.request(again.copy);
                }
                _ => return Poll::Ready(Err(SendError::from_client(error))),
            }
        }
    }
}

/// Notes that the connection has brought an answer.
fn used(mut response: Response<Incoming>) -> Response<Incoming> {
    if let Some(used) = response.extensions_mut().remove::<Used>() {
        used.mark();
    }
    response
}

/// A copy of a request that may be sent twice.
fn repeatable<B>(request: &Request<RequestBody<B>>) -> Option<Request<RequestBody<B>>>
where
    RequestBody<B>: Body,
{
    // An upgrade's other half is in the extensions; it is asked for once.
    let is_upgrade = request.headers().contains_key(http::header::UPGRADE);
    if is_upgrade || !request.method().is_idempotent() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(RequestBody::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    copy.headers_mut().clone_from(request.headers());
    Some(copy)
}

/// Whether a connection that had served before brought nothing at all.
fn is_stale(error: &legacy::Error) -> bool {
    let mut extras = Extensions::new();
    if let Some(connected) = error.connect_info() {
        connected.get_extras(&mut extras);
    }
    let is_used = extras.get::<Used>().is_some_and(Used::is_marked);
    is_used && causes(error).any(is_closed_early)
}

fn is_closed_early(cause: &(dyn Error + 'static)) -> bool {
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return error.is_incomplete_message() || error.is_closed();
    }
    let io = cause.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| {
        use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
        matches!(error.kind(), ConnectionReset | BrokenPipe)
    })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

/// Why a request brought no answer.
pub(super) struct SendError(GatewayError);

impl SendError {
    pub(super) fn unreachable(source: Box<dyn Error + Send + Sync>) -> Self {
        let expired = causes(&*source).find_map(|cause| cause.downcast_ref::<Expired>().copied());
        Self(match expired {
            Some(expired) => expired.into(),
            None => GatewayError::Unreachable { source },
        })
    }

    pub(super) fn lost(error: hyper::Error) -> Self {
        Self(GatewayError::upstream(error))
    }

    fn from_client(error: legacy::Error) -> Self {
        match error.is_connect() {
            true => Self::unreachable(error.into()),
            false => Self(GatewayError::upstream(error)),
        }
    }

    pub(super) fn into_inner(self) -> GatewayError {
        self.0
    }
}

impl<B> fmt::Debug for Connections<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").finish_non_exhaustive()
    }
}
