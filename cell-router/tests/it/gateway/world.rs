//! A gateway in front of an upstream, both on sockets of this machine.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::Router;
use http::{Request, Response, uri::Authority};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tenancy_cell_router::{
    BodyLimitLayer, EdgeLayer, Protocol, Proxy, Pseudonym, Server, ServerLimits, Stop, Timeouts,
    Upstream,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::timeout};
use tower::ServiceBuilder;

use super::raw::{PATIENCE, Raw};

/// What a test may turn.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) timeouts: Timeouts,
    pub(super) limits: ServerLimits,
    pub(super) protocol: Protocol,
    pub(super) most: u64,
    pub(super) proxies: &'static str,
    pub(super) longest_target: usize,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            timeouts: Timeouts::default(),
            limits: ServerLimits {
                drain: Duration::from_secs(5),
                ..ServerLimits::default()
            },
            protocol: Protocol::Http1,
            most: 1 << 30,
            proxies: "",
            longest_target: 8 * 1024,
        }
    }
}

pub(super) struct Gateway {
    pub(super) address: SocketAddr,
    pub(super) stop: watch::Sender<Stop>,
    pub(super) serving: JoinHandle<()>,
}

impl Gateway {
    pub(super) async fn before(upstream: SocketAddr) -> Self {
        Self::with(Setting::default(), upstream).await
    }

    pub(super) async fn with(setting: Setting, upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(Stop::Not);
        let upstream = Upstream {
            authority: Authority::try_from(upstream.to_string()).unwrap(),
            protocol: setting.protocol,
        };
        let edge = EdgeLayer::new(Pseudonym::new("gate").unwrap())
            .behind(setting.proxies.parse().unwrap())
            .with_longest_target(setting.longest_target);
        let service = ServiceBuilder::new()
            .layer(edge)
            .layer(BodyLimitLayer::bytes(setting.most))
            .service(Proxy::new(setting.timeouts).with_upstreams(upstream));
        let server = Server::new(listener).with_limits(setting.limits);
        let serving = tokio::spawn(server.serve(service, stopped));
        Self {
            address,
            stop,
            serving,
        }
    }

    pub(super) async fn connect(&self) -> Raw {
        Raw::connect(self.address).await
    }

    /// Sends bytes and takes what comes until the gateway closes.
    pub(super) async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.rest().await
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// Serves an axum application, HTTP/1.1 and HTTP/2.
pub(super) async fn upstream(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(Stop::Not);
    let service = tower::service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        async move {
            let request = request.map(axum::body::Body::new);
            Ok::<_, Infallible>(tower::ServiceExt::oneshot(router, request).await.unwrap())
        }
    });
    tokio::spawn(async move {
        Server::new(listener).serve(service, stopped).await;
        drop(stop);
    });
    address
}

/// A client with a pool of its own.
pub(super) fn client<B>(
    protocol: Protocol,
) -> Client<hyper_util::client::legacy::connect::HttpConnector, B>
where
    B: http_body::Body<Data: Send> + Send,
{
    Client::builder(TokioExecutor::new())
        .http2_only(protocol == Protocol::Http2)
        .build_http()
}

pub(super) async fn text<B>(response: Response<B>) -> String
where
    B: http_body::Body,
    B::Error: std::fmt::Debug,
{
    let collected = timeout(PATIENCE, response.into_body().collect()).await;
    let bytes = collected.unwrap().unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}
