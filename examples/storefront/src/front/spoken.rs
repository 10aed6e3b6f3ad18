use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use rustls::crypto::{CryptoProvider, ring};
use tenancy_cell_router::{Acceptor, CertFolder, ProxyProtocol, Server, Stop, TlsAcceptor};
use tenancy_core::authority::TrustedProxies;
use tenancy_types::SystemClock;
use tokio::{net::TcpListener, sync::watch};
use tower::Service;

use super::{Front, FrontError};

/// How often the files of certificates are looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// What clients speak before HTTP begins.
pub(crate) struct Spoken {
    certificates: Option<Certificates>,
    balancers: Option<TrustedProxies>,
}

struct Certificates {
    folder: Arc<CertFolder>,
    provider: Arc<CryptoProvider>,
}

impl Certificates {
    fn open(path: &Path) -> Result<Self, FrontError> {
        let provider = Arc::new(ring::default_provider());
        let folder = CertFolder::open(path, Arc::clone(&provider), SystemClock);
        let folder = folder.map_err(|source| FrontError::Certificates {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            folder: Arc::new(folder),
            provider,
        })
    }
}

impl Spoken {
    /// Reads the certificates, if there are any to be.
    pub(crate) fn open(front: &Front) -> Result<Self, FrontError> {
        let certificates = front.certificates.as_deref().map(Certificates::open);
        Ok(Self {
            certificates: certificates.transpose()?,
            balancers: front.balancers.clone(),
        })
    }

    /// Serves those who connect here, until it is told to stop.
    pub(crate) async fn serve<S>(
        self,
        listener: TcpListener,
        service: S,
        stop: watch::Receiver<Stop>,
    ) -> Result<(), FrontError>
    where
        S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + 'static,
        S::Future: Send + 'static,
    {
        match self.balancers {
            None => serve(listener, self.certificates, service, stop).await,
            Some(balancers) => {
                let told = ProxyProtocol::new(listener, balancers);
                serve(told, self.certificates, service, stop).await
            }
        }
    }
}

async fn serve<A, S>(
    acceptor: A,
    certificates: Option<Certificates>,
    service: S,
    stop: watch::Receiver<Stop>,
) -> Result<(), FrontError>
where
    A: Acceptor,
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    let Some(Certificates { folder, provider }) = certificates else {
        Server::new(acceptor).serve(service, stop).await;
        return Ok(());
    };
    let tls = TlsAcceptor::new(acceptor, Arc::clone(&folder), provider)?;
    tokio::select! {
        () = Server::new(tls).serve(service, stop) => Ok(()),
        never = folder.watch(BETWEEN_LOOKS) => match never {},
    }
}
