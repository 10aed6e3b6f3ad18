use std::{
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tenancy_core::authority::TrustedProxies;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    time::timeout,
};

use super::header::{self, Progress, Sender};
use crate::gateway::{Acceptor, ConnectionInfo, Opened};

/// For the header, unless told otherwise: the proxy sends it at once.
const LIMIT: Duration = Duration::from_secs(5);

/// Connections of load balancers that say whose they are, by the PROXY protocol, version 2.
///
/// A connection from one of the networks must begin with such a header, or is closed: half-configured proxies are seen at
/// once, and nobody there can leave it out and be taken for the proxy itself. From any other address there must be none:
/// what a stranger sends as one is no HTTP. Version 1, the readable one, is not spoken; all proxies of today speak
/// version 2.
///
/// The client's address takes the place of the connection's, in
/// [`ConnectionInfo`](super::super::ConnectionInfo) and so in all forwarding fields; a proxy that says it spoke TLS with the
/// client is believed. `LOCAL` connections, which are the proxy's own probes, and those of unknown family keep their
/// addresses. Extensions are passed over; headers of more than 4 KiB are refused.
///
/// ```no_run
/// use tenancy_cell_router::{ProxyProtocol, Server};
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:8080").await?;
/// let server = Server::new(ProxyProtocol::new(listener, "10.0.0.0/8".parse()?));
/// # Ok(())
/// # }
/// ```
/// With another time limit:
/// ```no_run
/// # use std::time::Duration;
/// # use tenancy_cell_router::ProxyProtocol;
/// # fn f(listener: tokio::net::TcpListener) -> Result<(), Box<dyn std::error::Error>> {
/// let told = ProxyProtocol::new(listener, "10.0.0.0/8, 2001:db8::/32".parse()?)
///     .with_time_limit(Duration::from_secs(1));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ProxyProtocol<A> {
    inner: A,
    proxies: Arc<TrustedProxies>,
    limit: Duration,
}

impl<A> ProxyProtocol<A> {
    /// These connections, of which those from these networks say whose they are.
    #[must_use]
    pub fn new(inner: A, proxies: TrustedProxies) -> Self {
        Self {
            inner,
            proxies: Arc::new(proxies),
            limit: LIMIT,
        }
    }

    /// Sets how long the header may take: 5 s unless told otherwise.
    #[must_use]
    pub fn with_time_limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }
}

impl<A: Acceptor> Acceptor for ProxyProtocol<A> {
    type Io = A::Io;
    type Opening = Pin<Box<dyn Future<Output = io::Result<Opened<A::Io>>> + Send>>;

    async fn accept(&mut self) -> io::Result<Self::Opening> {
        let opening = self.inner.accept().await?;
        let (proxies, limit) = (Arc::clone(&self.proxies), self.limit);
        Ok(Box::pin(async move {
            let opened = opening.await?;
            if !proxies.trusts(opened.info.peer().ip()) {
                return Ok(opened);
            }
            timeout(limit, told(opened)).await?
        }))
    }
}

/// Reads the header, and not a byte more.
async fn told<Io: AsyncRead + Unpin>(opened: Opened<Io>) -> io::Result<Opened<Io>> {
    let Opened { mut io, info } = opened;
    let mut bytes = Vec::new();
    let sender = loop {
        match header::read(&bytes) {
            Ok(Progress::Whole(sender)) => break sender,
            Ok(Progress::More(more)) => {
                if (&mut io).take(more as u64).read_buf(&mut bytes).await? == 0 {
                    return Err(ErrorKind::UnexpectedEof.into());
                }
            }
            Err(fault) => return Err(io::Error::new(ErrorKind::InvalidData, fault)),
        }
    };
    let info = match sender {
        Sender::Proxy => info,
        Sender::Client { from, to, security } => ConnectionInfo::new(from, to, security),
    };
    Ok(Opened { io, info })
}
