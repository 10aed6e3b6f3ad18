//! An authority that everybody here trusts, a folder of its certificates, and a gateway that shows them.

use std::{
    convert::Infallible,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, LazyLock},
};

use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName},
};
use tenancy_cell_router::{
    CertFolder, ConnectionInfo, EdgeLayer, Pseudonym, Server, ServerLimits, Stop, TlsAcceptor,
};
use tenancy_types::{DomainName, SystemClock};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tower::Layer as _;

use super::super::raw::PATIENCE;

pub(in crate::gateway) static AUTHORITY: LazyLock<Authority> = LazyLock::new(Authority::new);

pub(in crate::gateway) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    roots: RootCertStore,
}

/// Chain and key.
#[derive(Clone)]
pub(in crate::gateway) struct Pem {
    pub(super) chain: String,
    pub(super) key: String,
    pub(super) der: CertificateDer<'static>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(own.der().clone()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { issuer, roots }
    }

    pub(super) fn roots(&self) -> RootCertStore {
        self.roots.clone()
    }

    pub(in crate::gateway) fn issue(&self, names: &[&str]) -> Pem {
        self.issue_until(names, 2099)
    }

    /// Good until this year begins.
    pub(super) fn issue_until(&self, names: &[&str], year: i32) -> Pem {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pem {
            chain: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
        }
    }
}

impl Pem {
    /// Puts it into a folder as `NAME.crt` and `NAME.key`, the one and then the other.
    pub(in crate::gateway) fn put(&self, folder: &Path, name: &str) {
        fs::write(folder.join(format!("{name}.key")), &self.key).unwrap();
        fs::write(folder.join(format!("{name}.crt")), &self.chain).unwrap();
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

pub(super) fn name(name: &str) -> DomainName {
    DomainName::from_normalised(name).unwrap()
}

/// A gateway whose cell answers with what it is told of the client.
pub(in crate::gateway) struct TlsGateway {
    pub(in crate::gateway) address: SocketAddr,
    pub(super) certificates: Arc<CertFolder>,
    pub(super) stop: watch::Sender<Stop>,
    _folder: Arc<tempfile::TempDir>,
}

impl TlsGateway {
    pub(in crate::gateway) async fn over(folder: &Arc<tempfile::TempDir>) -> Self {
        Self::with(folder, |folder| folder, |acceptor| acceptor).await
    }

    pub(super) async fn with(
        folder: &Arc<tempfile::TempDir>,
        certificates: impl FnOnce(CertFolder) -> CertFolder,
        set: impl FnOnce(
            TlsAcceptor<TcpListener, Arc<CertFolder>>,
        ) -> TlsAcceptor<TcpListener, Arc<CertFolder>>,
    ) -> Self {
        let opened = CertFolder::open(folder.path(), provider(), SystemClock).unwrap();
        let certificates = Arc::new(certificates(opened));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::new(listener, Arc::clone(&certificates), provider()).unwrap();
        let stop = serve(set(acceptor));
        Self {
            address,
            certificates,
            stop,
            _folder: Arc::clone(folder),
        }
    }

    pub(super) async fn connect(&self, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        connect(self.address, name, &["http/1.1"]).await
    }
}

/// Serves what tells how a request came.
pub(super) fn serve<A: tenancy_cell_router::Acceptor>(acceptor: A) -> watch::Sender<Stop> {
    let (stop, stopped) = watch::channel(Stop::Not);
    let told = tower::service_fn(async |request: Request<Incoming>| {
        let info = request.extensions().get::<ConnectionInfo>().unwrap();
        let field = |name: &str| {
            let value = request.headers().get(name);
            value
                .map_or("-", |value| value.to_str().unwrap())
                .to_owned()
        };
        let said = format!(
            "{:?} {:?} {} {} {}",
            request.version(),
            info.security(),
            info.peer().ip(),
            field("x-forwarded-proto"),
            field("forwarded")
        );
        Ok::<_, Infallible>(Response::new(said))
    });
    let edge = EdgeLayer::new(Pseudonym::new("gate").unwrap());
    let server = Server::new(acceptor).with_limits(ServerLimits::default());
    tokio::spawn(server.serve(edge.layer(told), stopped));
    stop
}

pub(super) fn client(alpn: &[&str]) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(AUTHORITY.roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|it| it.as_bytes().to_vec()).collect();
    config
}

pub(super) async fn connect(
    address: SocketAddr,
    name: &str,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_as(client(alpn), address, name).await
}

pub(super) async fn connect_as(
    config: ClientConfig,
    address: SocketAddr,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    timeout(PATIENCE, connecting).await.expect("no handshake")
}

/// The certificate that was shown.
pub(super) fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

/// Asks for a host by a connection, in the version that it was agreed for.
pub(super) async fn ask(stream: TlsStream<TcpStream>, host: &str) -> (StatusCode, String) {
    let mut asked = ask_for(stream, &[host]).await;
    asked.remove(0)
}

pub(super) async fn ask_for(
    stream: TlsStream<TcpStream>,
    hosts: &[&str],
) -> Vec<(StatusCode, String)> {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let io = TokioIo::new(stream);
    let mut answers = Vec::new();
    if is_h2 {
        let connected = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await;
        let (mut sender, connection) = connected.unwrap();
        tokio::spawn(connection);
        for host in hosts {
            let mut request = Request::new(Empty::<Bytes>::new());
            *request.uri_mut() = format!("https://{host}/").parse().unwrap();
            *request.version_mut() = Version::HTTP_2;
            answers.push(read(sender.send_request(request).await.unwrap()).await);
        }
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        for host in hosts {
            let request = Request::get("/").header("host", *host);
            let request = request.body(Empty::<Bytes>::new()).unwrap();
            sender.ready().await.unwrap();
            answers.push(read(sender.send_request(request).await.unwrap()).await);
        }
    }
    answers
}

async fn read(response: Response<Incoming>) -> (StatusCode, String) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// The alert that ended a handshake.
pub(super) fn alert(failed: std::io::Result<TlsStream<TcpStream>>) -> rustls::AlertDescription {
    let error = failed.expect_err("the handshake went well");
    let inner = error.get_ref().and_then(|it| it.downcast_ref());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => *alert,
        _ => panic!("no alert: {error:?}"),
    }
}
