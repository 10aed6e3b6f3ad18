use std::{
    convert::Infallible,
    error::Error,
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Buf;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tower_service::Service;

use super::{Acceptor, Place, ServerLimits, Stop, connection};

/// How long to wait when a connection could not be accepted: the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves HTTP/1.1 and HTTP/2 to whoever connects.
///
/// Each request carries a [`ConnectionInfo`](super::ConnectionInfo) and a [`Peer`](tenancy_core::middleware::Peer) in
/// its extensions. A connection that stays silent, sends its heads by the drop or takes no answers is cut within
/// [`ServerLimits`].
///
/// ```no_run
/// use tenancy_cell_router::{Server, ServerLimits, Stop};
/// # async fn f<S>(service: S) -> std::io::Result<()>
/// # where
/// #     S: tower::Service<http::Request<hyper::body::Incoming>, Response = http::Response<String>,
/// #             Error = std::convert::Infallible, Future: Send> + Clone + Send + 'static,
/// # {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let (stop, stopped) = tokio::sync::watch::channel(Stop::Not);
/// Server::new(listener).serve(service, stopped).await;
/// # drop(stop);
/// # Ok(())
/// # }
/// ```
/// With other bounds:
/// ```no_run
/// # use tenancy_cell_router::{Server, ServerLimits};
/// # fn f(listener: tokio::net::TcpListener) {
/// let limits = ServerLimits { connections: 50_000, ..ServerLimits::default() };
/// let server = Server::new(listener).with_limits(limits);
/// # }
/// ```
pub struct Server<A> {
    acceptor: A,
    limits: ServerLimits,
}

impl<A> Server<A> {
    /// A server for these connections.
    #[must_use]
    pub fn new(acceptor: A) -> Self {
        Self {
            acceptor,
            limits: ServerLimits::default(),
        }
    }

    /// Sets its bounds.
    #[must_use]
    pub fn with_limits(self, limits: ServerLimits) -> Self {
        Self { limits, ..self }
    }
}

impl Server<TcpListener> {
    /// The address that is listened on.
    ///
    /// # Errors
    /// When the operating system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.acceptor.local_addr()
    }
}

impl<A: Acceptor> Server<A> {
    /// Serves until it is told to stop, or nobody is left who could tell; then finishes the requests in flight and the
    /// upgraded connections, at most for [`ServerLimits::drain`], and cuts off what is left. Connections that are idle
    /// then stay for [`ServerLimits::linger`].
    ///
    /// # Cancel safety
    /// Dropping the future drops the acceptor and cuts every connection off.
    pub async fn serve<S, RB>(self, service: S, mut stop: watch::Receiver<Stop>)
    where
        S: Service<Request<Incoming>, Response = Response<RB>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
        RB: Body<Data: Buf + Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        let Self {
            mut acceptor,
            limits,
        } = self;
        let connections = GracefulShutdown::new();
        let most = limits.connections;
        let places = Arc::new(Semaphore::new(most as usize));
        // Both are dropped when this function ends, however it does: what is left is cut off.
        let mut served = JoinSet::new();
        let (_cut_off, open) = watch::channel(());
        let is_draining = Arc::new(AtomicBool::new(false));
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop >= Stop::Drain) => break,
                Some(_) = served.join_next() => continue,
                accepted = next(&mut acceptor, &places) => accepted,
            };
            match accepted {
                Ok((opening, permit)) => {
                    let place = Place {
                        _permit: permit,
                        open: open.clone(),
                        is_draining: Arc::clone(&is_draining),
                    };
                    let held = (place, connections.watcher());
                    let service = service.clone();
                    served.spawn(connection::serve(opening, service, limits, held));
                }
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(acceptor);
        is_draining.store(true, Relaxed);
        let drained = async {
            // Those that have ended by then need not be told.
            let _ = timeout(limits.linger, places.acquire_many(most)).await;
            tokio::join!(connections.shutdown(), places.acquire_many(most))
        };
        let was_drained = tokio::select! {
            drained = timeout(limits.drain, drained) => drained.is_ok(),
            () = told_to_end(stop) => false,
        };
        if !was_drained {
            tracing::warn!("connections were still open and are cut off");
        }
    }
}

/// Nobody being left who could tell is no reason to hurry.
async fn told_to_end(mut stop: watch::Receiver<Stop>) {
    if stop.wait_for(|stop| *stop >= Stop::Now).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The next connection, once there is a place for it.
async fn next<A: Acceptor>(
    acceptor: &mut A,
    places: &Arc<Semaphore>,
) -> io::Result<(A::Opening, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(places).acquire_owned().await;
    let permit = permit.expect("the semaphore is never closed");
    Ok((acceptor.accept().await?, permit))
}

impl<A> fmt::Debug for Server<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
