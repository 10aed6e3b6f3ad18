use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
};

use http::HeaderValue;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::CertificateNames;

/// Whether what comes by a connection was readable on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// It was.
    Plain,
    /// It came by TLS, to this process or to a proxy that said so in the PROXY protocol.
    Tls,
}

/// The connection a request came by; [`Server`](super::Server) puts it into the extensions. Cloning is cheap.
///
/// A request that came by a server's connection keeps that connection's place with every clone: whoever keeps one
/// beyond the answer makes the server count the connection as open, and its drain wait.
#[derive(Clone)]
pub struct ConnectionInfo(Arc<Facts>);

struct Facts {
    peer: SocketAddr,
    local: SocketAddr,
    security: Security,
    /// How the peer stands in forwarding fields: made once, for every request has it.
    address: HeaderValue,
    names: Option<Arc<CertificateNames>>,
    place: Option<Place>,
}

/// A connection's place among those that a server takes at a time.
pub(super) struct Place {
    /// Returned when the last of the connection is over.
    pub(super) _permit: OwnedSemaphorePermit,
    /// Closed when the server finishes nothing any more.
    pub(super) open: watch::Receiver<()>,
    /// Set when the server takes no new connection any more.
    pub(super) is_draining: Arc<AtomicBool>,
}

impl Place {
    async fn cut_off(&self) {
        let mut open = self.open.clone();
        // Nothing is ever sent: only the sender's end is waited for.
        while open.changed().await.is_ok() {}
    }
}

impl ConnectionInfo {
    /// A connection between these two addresses. For an [`Acceptor`](super::Acceptor), and for tests without a
    /// server.
    #[must_use]
    pub fn new(peer: SocketAddr, local: SocketAddr, security: Security) -> Self {
        let address = peer.ip().to_canonical().to_string();
        Self(Arc::new(Facts {
            peer,
            local,
            security,
            address: HeaderValue::try_from(address).expect("an address is ASCII"),
            names: None,
            place: None,
        }))
    }

    /// Says what the connection's certificate is for. Requests for other hosts are answered with 421 by
    /// [`EdgeLayer`](super::super::EdgeLayer).
    #[must_use]
    pub fn with_certificate(&self, names: Arc<CertificateNames>) -> Self {
        Self(Arc::new(Facts {
            names: Some(names),
            ..self.copied()
        }))
    }

    /// Who is connected.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.0.peer
    }

    /// The address that was connected to.
    #[must_use]
    pub fn local(&self) -> SocketAddr {
        self.0.local
    }

    /// Whether it was by TLS.
    #[must_use]
    pub fn security(&self) -> Security {
        self.0.security
    }

    /// What the connection's certificate is for, if it has one.
    #[must_use]
    pub fn certificate(&self) -> Option<&CertificateNames> {
        self.0.names.as_deref()
    }

    /// The peer's address as text.
    pub(in crate::gateway) fn address(&self) -> &HeaderValue {
        &self.0.address
    }

    /// Resolves when the server cuts off what is left.
    pub(in crate::gateway) async fn cut_off(&self) {
        match &self.0.place {
            Some(place) => place.cut_off().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn with_place(&self, place: Place) -> Self {
        Self(Arc::new(Facts {
            place: Some(place),
            ..self.copied()
        }))
    }

    /// All but the place, which is one connection's alone.
    fn copied(&self) -> Facts {
        Facts {
            peer: self.peer(),
            local: self.local(),
            security: self.security(),
            address: self.address().clone(),
            names: self.0.names.clone(),
            place: None,
        }
    }
}

impl fmt::Debug for ConnectionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionInfo")
            .field("peer", &self.peer())
            .field("local", &self.local())
            .field("security", &self.security())
            .finish_non_exhaustive()
    }
}
