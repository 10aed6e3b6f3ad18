use std::{fmt, future::Future, io, pin::Pin, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;

use super::{CertSource, UnusableProvider, opening};
use crate::gateway::{Acceptor, Opened};

/// For a handshake, unless told otherwise.
const LIMIT: Duration = Duration::from_secs(10);
/// Handshakes at a time, unless told otherwise.
const AT_A_TIME: u32 = 512;

/// Connections by TLS 1.3 or 1.2, over those of another [`Acceptor`].
///
/// Clients are offered `h2` and `http/1.1` (RFC 7301). One that asks for a name that the [`CertSource`] does not have is
/// sent the alert `unrecognized_name` (RFC 6066, section 3). Early data is not taken, for it can be replayed.
///
/// ```no_run
/// # use std::{sync::Arc, time::Duration};
/// use tenancy_cell_router::{CertFolder, Server, TlsAcceptor};
/// use tenancy_types::SystemClock;
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = Arc::new(rustls::crypto::ring::default_provider());
/// let folder = CertFolder::open("/etc/shops/certificates", Arc::clone(&provider), SystemClock)?;
/// let certificates = Arc::new(folder);
/// tokio::spawn(Arc::clone(&certificates).watch(Duration::from_secs(2)));
/// let listener = tokio::net::TcpListener::bind("0.0.0.0:443").await?;
/// let server = Server::new(TlsAcceptor::new(listener, certificates, provider)?);
/// # Ok(())
/// # }
/// ```
/// Behind a load balancer that speaks the PROXY protocol, with other bounds:
/// ```no_run
/// # use std::{sync::Arc, time::Duration};
/// # use tenancy_cell_router::{CertFolder, ProxyProtocol, Server, TlsAcceptor};
/// # fn f(listener: tokio::net::TcpListener, certificates: CertFolder,
/// #      provider: Arc<rustls::crypto::CryptoProvider>) -> Result<(), Box<dyn std::error::Error>> {
/// let told = ProxyProtocol::new(listener, "10.0.0.0/8".parse()?);
/// let tls = TlsAcceptor::new(told, certificates, provider)?
///     .with_time_limit(Duration::from_secs(5))
///     .with_handshakes(100);
/// # Ok(())
/// # }
/// ```
pub struct TlsAcceptor<A, S> {
    inner: A,
    desk: Desk<S>,
}

/// What every handshake needs.
pub(super) struct Desk<S> {
    pub(super) source: Arc<S>,
    pub(super) config: Arc<ServerConfig>,
    pub(super) limit: Duration,
    pub(super) handshakes: Arc<Semaphore>,
}

impl<A, S: CertSource> TlsAcceptor<A, S> {
    /// TLS over these connections, with these certificates and this cryptography.
    ///
    /// # Errors
    /// [`UnusableProvider`] when the cryptography is for no version of TLS.
    pub fn new(
        inner: A,
        source: S,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, UnusableProvider> {
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| UnusableProvider {
                source: error.into(),
            })?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(NotYet));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let desk = Desk {
            source: Arc::new(source),
            config: Arc::new(config),
            limit: LIMIT,
            handshakes: Arc::new(Semaphore::new(AT_A_TIME as usize)),
        };
        Ok(Self { inner, desk })
    }

    /// Sets how long a handshake may take, from the first byte that is waited for: 10 s unless told otherwise.
    /// [`ServerLimits::head`](super::super::ServerLimits::head) holds for it, too.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.desk.limit = limit;
        self
    }

    /// Sets how many handshakes are under way at a time: 512 unless told otherwise. More wait, within their time. A client
    /// counts from the end of its first message on: one that says nothing takes nobody's place.
    #[must_use]
    pub fn with_handshakes(mut self, at_a_time: u32) -> Self {
        self.desk.handshakes = Arc::new(Semaphore::new(at_a_time as usize));
        self
    }
}

impl<S> Clone for Desk<S> {
    fn clone(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            config: Arc::clone(&self.config),
            limit: self.limit,
            handshakes: Arc::clone(&self.handshakes),
        }
    }
}

impl<A: Acceptor, S: CertSource> Acceptor for TlsAcceptor<A, S> {
    type Io = TlsStream<A::Io>;
    type Opening = Pin<Box<dyn Future<Output = io::Result<Opened<Self::Io>>> + Send>>;

    async fn accept(&mut self) -> io::Result<Self::Opening> {
        let opening = self.inner.accept().await?;
        Ok(Box::pin(opening::open(opening, self.desk.clone())))
    }
}

/// In the place of a certificate until it is known whose is asked for.
#[derive(Debug)]
struct NotYet;

impl ResolvesServerCert for NotYet {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        None
    }
}

impl<A: fmt::Debug, S> fmt::Debug for TlsAcceptor<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor")
            .field("inner", &self.inner)
            .field("limit", &self.desk.limit)
            .finish_non_exhaustive()
    }
}
