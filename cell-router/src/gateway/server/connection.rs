use std::{
    convert::Infallible,
    future::poll_fn,
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::Watcher},
    service::TowerToHyperService,
};
use tokio::time::{sleep, timeout};
use tower_service::Service;

use super::{
    Opened, Place, ServerLimits, exchanges::Exchanges, guarded_io::GuardedIo, limits::HYPERS_FIELDS,
};

/// Opens a connection and serves it to its end.
pub(super) async fn serve<Io, S, RB>(
    opening: impl Future<Output = io::Result<Opened<Io>>>,
    service: S,
    limits: ServerLimits,
    (place, watcher): (Place, Watcher),
) where
    Io: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<RB>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
    RB: Body<Data: Buf + Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static,
{
    let opened = match timeout(limits.head, opening).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(error)) => return tracing::debug!(%error, "connection not opened"),
        Err(_) => return tracing::debug!("connection not opened in time"),
    };
    let (io, is_decided) = GuardedIo::new(opened.io, limits.stall);
    let is_draining = Arc::clone(&place.is_draining);
    let service = Exchanges {
        inner: service,
        info: opened.info.with_place(place),
        is_draining,
    };
    let builder = builder(&limits);
    let connection =
        builder.serve_connection_with_upgrades(TokioIo::new(io), TowerToHyperService::new(service));
    let connection = watcher.watch(connection);
    match decided_in_time(connection, &is_decided, limits.head).await {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(%error, "connection ended early"),
        None => tracing::debug!("connection silent from the start"),
    }
}

/// Runs a connection, at most so long until its version of HTTP is known; `None` when it was not.
async fn decided_in_time<F: Future>(
    connection: F,
    is_decided: &AtomicBool,
    limit: Duration,
) -> Option<F::Output> {
    let mut connection = pin!(connection);
    let mut limit = pin!(sleep(limit));
    let undecided = poll_fn(|cx: &mut Context<'_>| {
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            return Poll::Ready(Some(Some(ended)));
        }
        if is_decided.load(Relaxed) {
            return Poll::Ready(None);
        }
        limit.as_mut().poll(cx).map(|()| Some(None))
    });
    match undecided.await {
        Some(ended) => ended,
        None => Some(connection.await),
    }
}

fn builder(limits: &ServerLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_buf_size(limits.head_bytes as usize);
    if limits.fields != HYPERS_FIELDS {
        builder.http1().max_headers(usize::from(limits.fields));
    }
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.head_bytes)
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(limits.ping)
        .keep_alive_timeout(limits.ping);
    builder
}
