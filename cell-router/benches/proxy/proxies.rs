use std::io::BufRead as _;

use http::{
    Request, Uri,
    uri::{Authority, Scheme},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use nix::sys::resource::{UsageWho, getrusage};
use tenancy_cell_router::{
    ConnectionInfo, EdgeLayer, Proxy, Pseudonym, Security, Server, Stop, Timeouts, Upstream,
};
use tokio::{net::TcpListener, sync::watch};
use tower::{Layer as _, Service as _};

use super::Failure;

#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Server, edge and proxy.
    Ours,
    /// Edge and proxy, served as the bare one is.
    Core,
    Bare,
}

/// Runs a proxy that says its port, and for each line on standard input its processor time so far in microseconds;
/// until there are no more lines.
#[expect(clippy::print_stdout, reason = "what the other process reads")]
pub(super) fn serve(kind: Kind, upstream: &str) -> Result<(), Failure> {
    let upstream: Authority = upstream.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    println!("{}", listener.local_addr()?.port());
    std::thread::spawn(move || {
        for _ in std::io::stdin().lock().lines() {
            let usage = getrusage(UsageWho::RUSAGE_SELF).expect("it is asked of ourselves");
            let time = usage.user_time() + usage.system_time();
            println!("{}", time.tv_sec() * 1_000_000 + time.tv_usec());
        }
        std::process::exit(0);
    });
    runtime.block_on(async {
        match kind {
            Kind::Ours => ours(listener, upstream).await,
            Kind::Core => core(listener, upstream).await,
            Kind::Bare => bare(listener, upstream).await,
        }
    })
}

async fn ours(listener: TcpListener, upstream: Authority) -> Result<(), Failure> {
    let (_stop, stopped) = watch::channel(Stop::Not);
    let proxy = Proxy::new(Timeouts::default()).with_upstreams(Upstream::http1(upstream));
    let service = EdgeLayer::new(Pseudonym::new("gate")?).layer(proxy);
    Server::new(listener).serve(service, stopped).await;
    Ok(())
}

async fn core(listener: TcpListener, upstream: Authority) -> Result<(), Failure> {
    let proxy = Proxy::new(Timeouts::default()).with_upstreams(Upstream::http1(upstream));
    let service = EdgeLayer::new(Pseudonym::new("gate")?).layer(proxy);
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let info = ConnectionInfo::new(peer, stream.local_addr()?, Security::Plain);
        let service = service.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(info.clone());
            service.clone().call(request)
        });
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// The least: the target is exchanged, everything else goes through as it is.
async fn bare(listener: TcpListener, upstream: Authority) -> Result<(), Failure> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, upstream) = (client.clone(), upstream.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            let mut parts = std::mem::take(request.uri_mut()).into_parts();
            (parts.scheme, parts.authority) = (Some(Scheme::HTTP), Some(upstream.clone()));
            *request.uri_mut() = Uri::from_parts(parts).expect("an authority and a path");
            client.request(request)
        });
        tokio::spawn(async move {
            let builder = auto::Builder::new(TokioExecutor::new());
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
