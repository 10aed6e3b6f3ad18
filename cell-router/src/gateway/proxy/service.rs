use std::{
    convert::Infallible,
    error::Error,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tenancy_types::{ProblemJson, Respond};
use tower_service::Service;

use super::{
    ProxyBody, ProxyFuture,
    client::{Answer, Connections},
    future::{Accepts, Exchange},
    gate::{Gate, Waiting},
    request::{expects_continue, head_for},
    request_body::RequestBody,
    upload::Upload,
    upstream::{Protocol, Upstream, UpstreamExtension, UpstreamOf},
};
use crate::gateway::{
    ConnectionInfo, GatewayError, Timeouts, edge::Passport, limits::BodyBound, upgrade,
};

/// Sends requests to upstreams and streams their answers.
///
/// It stands innermost, behind an [`EdgeLayer`](super::super::EdgeLayer), which cleans what it sends; a request that
/// did not pass one is refused (500 `internal`). Bodies are passed on frame by frame in both directions, as fast as the
/// slower side takes them, trailers included. A client that goes away gives its request up at the upstream, too.
///
/// It is always ready: connections are made as they are needed. Clones share them. `docs/operations/gateway.md` says
/// what each answer of its own means.
///
/// The default sends to the [`Upstream`] in the request's extensions:
///
/// ```
/// use tenancy_cell_router::{Proxy, Timeouts};
/// # type Body = http_body_util::Full<bytes::Bytes>;
///
/// let proxy = Proxy::<Body>::new(Timeouts::default());
/// ```
///
/// As the service of one cell behind the network, with less patience:
///
/// ```
/// use std::time::Duration;
/// use tenancy_cell_router::{CellTransport, Cells, Proxy, Timeouts, Upstream};
/// use tenancy_types::CellId;
/// # type Body = http_body_util::Full<bytes::Bytes>;
///
/// let timeouts = Timeouts { head: Duration::from_secs(5), ..Timeouts::default() };
/// let proxy = Proxy::<Body>::new(timeouts);
/// let far = proxy.with_upstreams(Upstream::http2("10.0.0.5:8080".parse()?));
/// let cells: Cells<_> = [(CellId::new(1).unwrap(), far)].into_iter().collect();
/// let transport = CellTransport::new(cells);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Proxy<B, U = UpstreamExtension, R = ProblemJson> {
    connections: Arc<Connections<B>>,
    timeouts: Timeouts,
    upstreams: U,
    respond: R,
}

impl<B> Proxy<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
{
    /// A proxy without connections.
    #[must_use]
    pub fn new(timeouts: Timeouts) -> Self {
        Self {
            connections: Arc::new(Connections::new(&timeouts)),
            timeouts,
            upstreams: UpstreamExtension,
            respond: ProblemJson,
        }
    }
}

impl<B, U, R> Proxy<B, U, R> {
    /// Sets where a request's upstream is found.
    #[must_use]
    pub fn with_upstreams<V: UpstreamOf>(self, upstreams: V) -> Proxy<B, V, R> {
        Proxy {
            connections: self.connections,
            timeouts: self.timeouts,
            upstreams,
            respond: self.respond,
        }
    }

    /// Sets how refusals are answered.
    #[must_use]
    pub fn with_respond<Q>(self, respond: Q) -> Proxy<B, U, Q> {
        Proxy {
            connections: self.connections,
            timeouts: self.timeouts,
            upstreams: self.upstreams,
            respond,
        }
    }
}

impl<B, U, R> Proxy<B, U, R>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    U: UpstreamOf,
{
    fn send(&self, mut request: Request<B>) -> Result<(Answer<B>, Exchange), GatewayError> {
        let extensions = request.extensions();
        let upstream = self.upstreams.upstream(extensions);
        let upstream = upstream.ok_or(GatewayError::NoUpstream)?;
        let passport = extensions.get::<Passport>().cloned();
        let passport = passport.ok_or(GatewayError::NoEdge)?;
        let bound = extensions.get::<BodyBound>().copied();
        let mut exchange = Exchange::begin(self.timeouts, passport);
        if exchange.passport.upgrade.is_some() {
            if upstream.protocol == Protocol::Http2 {
                return Err(GatewayError::UpgradeUnavailable);
            }
            exchange.connection = extensions.get::<ConnectionInfo>().cloned();
            exchange.upgrade = Some(hyper::upgrade::on(&mut request));
        }
        let request = outgoing(request, &upstream, bound, &mut exchange)?;
        Ok((self.connections.send(upstream, request), exchange))
    }
}

/// The request as the upstream gets it.
fn outgoing<B: Body>(
    request: Request<B>,
    upstream: &Upstream,
    bound: Option<BodyBound>,
    exchange: &mut Exchange,
) -> Result<Request<RequestBody<B>>, GatewayError> {
    let (mut parts, body) = request.into_parts();
    let (uri, version) = head_for(upstream, &mut parts.headers, &parts.uri)?;
    if let Some(protocols) = &exchange.passport.upgrade {
        upgrade::ask(&mut parts.headers, protocols);
    }
    let body = match body.is_end_stream() {
        true => RequestBody::empty(),
        false => {
            let upload = Arc::new(Upload::new(exchange.began));
            exchange.upload = Some(Arc::clone(&upload));
            let most = bound.map_or(u64::MAX, |bound| bound.most);
            RequestBody::sending(body, upload, most)
        }
    };
    let mut outgoing = Request::new(body);
    *outgoing.method_mut() = parts.method;
    *outgoing.uri_mut() = uri;
    *outgoing.version_mut() = version;
    *outgoing.headers_mut() = parts.headers;
    if exchange.upload.is_some() && expects_continue(outgoing.headers()) {
        wait_for_word(&mut outgoing, exchange);
    }
    Ok(outgoing)
}

fn wait_for_word<B>(request: &mut Request<RequestBody<B>>, exchange: &mut Exchange) {
    let gate = Gate::default();
    let opener = gate.clone();
    hyper::ext::on_informational(request, move |informational| {
        if informational.status() == http::StatusCode::CONTINUE {
            opener.open();
        }
    });
    request.body_mut().wait_at(Waiting::at(gate.clone()));
    exchange.gate = Some(gate);
}

impl<B, U, R> Service<Request<B>> for Proxy<B, U, R>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
    U: UpstreamOf,
    R: Respond<ProxyBody>,
{
    type Response = Response<ProxyBody>;
    type Error = Infallible;
    type Future = ProxyFuture<B, R>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let accepts = Accepts::of(request.headers());
        let respond = self.respond.clone();
        match self.send(request) {
            Ok((answer, exchange)) => ProxyFuture::sent(answer, exchange, respond, accepts),
            Err(error) => ProxyFuture::refused(error, respond, accepts),
        }
    }
}

impl<B, U: Clone, R: Clone> Clone for Proxy<B, U, R> {
    fn clone(&self) -> Self {
        Self {
            connections: Arc::clone(&self.connections),
            timeouts: self.timeouts,
            upstreams: self.upstreams.clone(),
            respond: self.respond.clone(),
        }
    }
}

impl<B, U: fmt::Debug, R> fmt::Debug for Proxy<B, U, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("upstreams", &self.upstreams)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}
