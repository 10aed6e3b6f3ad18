use std::{
    io::{self, ErrorKind},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    server::{Acceptor, ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tenancy_types::DomainName;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{CertSource, Certificate, acceptor::Desk};
use crate::gateway::{ConnectionInfo, Opened, Security};

/// An alert as it goes over the wire before anything is encrypted (RFC 8446, sections 5.1 and 6): of TLS 1.2 as the record
/// says, two bytes, fatal, `unrecognized_name`.
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];

/// Opens a connection, and makes TLS of it.
pub(super) async fn open<Io, S>(
    opening: impl Future<Output = io::Result<Opened<Io>>>,
    desk: Desk<S>,
) -> io::Result<Opened<TlsStream<Io>>>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: CertSource,
{
    let opened = opening.await?;
    timeout(desk.limit, shake_hands(opened, &desk))
        .await
        .map_err(|_| io::Error::new(ErrorKind::TimedOut, "the handshake took too long"))?
}

async fn shake_hands<Io, S>(opened: Opened<Io>, desk: &Desk<S>) -> io::Result<Opened<TlsStream<Io>>>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: CertSource,
{
    let start = LazyConfigAcceptor::new(Acceptor::default(), opened.io).await?;
    let Some(certificate) = certificate(&desk.source, &start.client_hello()) else {
        let mut io = start.io;
        io.write_all(&UNRECOGNIZED_NAME).await?;
        io.shutdown().await?;
        return Err(io::Error::new(ErrorKind::NotFound, "unknown server name"));
    };
    let _place = desk.handshakes.acquire().await.map_err(io::Error::other)?;
    // The names that requests are held against are those of the certificate that is shown, whatever is loaded meanwhile.
    let mut config = ServerConfig::clone(&desk.config);
    config.cert_resolver = Arc::new(Chosen(certificate.key()));
    let io = start.into_stream(Arc::new(config)).await?;
    let (peer, local) = (opened.info.peer(), opened.info.local());
    let info = ConnectionInfo::new(peer, local, Security::Tls);
    Ok(Opened {
        io,
        info: info.with_certificate(certificate.shared_names()),
    })
}

fn certificate<S: CertSource>(source: &S, hello: &ClientHello<'_>) -> Option<Arc<Certificate>> {
    let Some(name) = hello.server_name() else {
        return source.certificate(None);
    };
    let name = DomainName::from_normalised(&name.to_ascii_lowercase()).ok()?;
    source.certificate(Some(&name))
}

#[derive(Debug)]
struct Chosen(Arc<CertifiedKey>);

impl ResolvesServerCert for Chosen {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
