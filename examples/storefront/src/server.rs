//! Listening: connections with limits on time and header size, and a shutdown that finishes what is in flight.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tower::Service;

/// How long a client may take to send its request's head, and how long an idle connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How often an idle HTTP/2 connection is asked for a sign of life, and how long for one is waited.
const PING: Duration = Duration::from_secs(5);
/// The most connections at one time; more wait to be accepted.
const MAX_CONNECTIONS: usize = 10_000;
/// The largest head of a request; a larger one is answered with 431.
const MAX_HEAD: usize = 64 * 1024;
/// The most header fields of a request; more are answered with 431.
const MAX_FIELDS: usize = 128;
/// How long requests in flight may take to finish once the server stops.
const DRAIN: Duration = Duration::from_secs(30);
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listener that has an address and does not serve yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
}

impl Server {
    /// Binds the address; port 0 picks a free one.
    ///
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            listener: TcpListener::bind(address).await?,
        })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is told to stop, then finishes the requests in flight, at most 30 seconds long.
    ///
    /// Cancelling it drops the listener; connections that are served go on until they end.
    pub async fn serve<S>(self, service: S, mut stop: watch::Receiver<Stop>)
    where
        S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send,
    {
        let connections = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&places) => accepted,
                _ = stop.wait_for(|stop| *stop >= Stop::Drain) => break,
            };
            match accepted {
                Ok((stream, place)) => {
                    serve_connection(
                        stream,
                        service.clone(),
                        connections.watcher(),
                        (place, stop.clone()),
                    );
                }
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.listener);
        let cut_off = tokio::select! {
            drained = timeout(DRAIN, connections.shutdown()) => drained.is_err(),
            _ = stop.wait_for(|stop| *stop >= Stop::Now) => true,
        };
        if cut_off {
            tracing::warn!("connections were still open and are cut off");
        }
    }

    /// The next connection, once there is a place for it.
    async fn accept(
        &self,
        places: &Arc<Semaphore>,
    ) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
        let place = Arc::clone(places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, place))
    }
}

/// Whether to go on serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Serve.
    Not,
    /// Take no new connection, and finish what is in flight.
    Drain,
    /// Finish nothing.
    Now,
}

/// Serves one connection to its end, in a task of its own.
fn serve_connection<S>(
    stream: TcpStream,
    service: S,
    watcher: Watcher,
    (place, mut stop): (OwnedSemaphorePermit, watch::Receiver<Stop>),
) where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    // Pages are written whole, so waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    tokio::spawn(async move {
        let _place = place;
        // The protocol is told by the first bytes, and only then does the time for a head begin.
        let spoke = tokio::select! {
            readable = timeout(HEAD_TIMEOUT, stream.readable()) => matches!(readable, Ok(Ok(()))),
            _ = stop.wait_for(|stop| *stop >= Stop::Drain) => false,
        };
        if !spoke {
            return;
        }
        let builder = builder();
        let service = TowerToHyperService::new(service);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "connection ended early");
        }
    });
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD as u32)
        // An idle connection is asked for a sign of life, and closed when none comes.
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING);
    builder
}
