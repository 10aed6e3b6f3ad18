use std::{fmt, future::poll_fn, marker::PhantomData, time::Duration};

use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, Uri, header};
use http_body::Body;
use tenancy_types::Position;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::{download::Download, tag};
use crate::{Error, Guards, Peer, SourceSnapshot};

/// A [`SnapshotService`](super::SnapshotService) of another process, reached through an HTTP client: any tower service
/// that answers requests.
///
/// What it gives is checked as a file is, and judged by the follower's guards like any snapshot. A peer that stalls is
/// given up at the deadline.
pub struct HttpPeer<S, B> {
    service: S,
    uri: Uri,
    deadline: Duration,
    guards: Guards,
    /// The body of a request, which has none.
    body: PhantomData<fn() -> B>,
}

impl<S, B> HttpPeer<S, B> {
    /// A peer at an address, asked through a clone of this client.
    #[must_use]
    pub fn new(service: S, uri: Uri) -> Self {
        Self {
            service,
            uri,
            deadline: Duration::from_secs(30),
            guards: Guards::default(),
            body: PhantomData,
        }
    }

    /// Sets how long it may take from the question to the last byte. By default 30 s.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the guards, of which the most bytes are looked at here, before anything is read and while it is read.
    #[must_use]
    pub fn with_guards(mut self, guards: Guards) -> Self {
        self.guards = guards;
        self
    }
}

impl<S, B, R> HttpPeer<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Default,
    R: Body + Send + 'static,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    async fn call(&self, known: Option<Position>) -> Result<Response<R>, Error> {
        let mut request = Request::new(B::default());
        *request.uri_mut() = self.uri.clone();
        if let Some(known) = known {
            let tag = tag::write(known);
            request.headers_mut().insert(header::IF_NONE_MATCH, tag);
        }
        let mut service = self.service.clone();
        let ready = poll_fn(|cx| service.poll_ready(cx)).await;
        ready.map_err(Error::peer)?;
        service.call(request).await.map_err(Error::peer)
    }

    async fn ask(&self, known: Option<Position>) -> Result<Option<(Position, Download<R>)>, Error> {
        let deadline = Instant::now() + self.deadline;
        let response = timeout_at(deadline, self.call(known)).await;
        let response = response.map_err(Error::peer)??;
        match response.status() {
            StatusCode::NOT_MODIFIED => return Ok(None),
            StatusCode::OK => {}
            status => return Err(Error::peer(format!("it answered {status}"))),
        }
        let tag = response.headers().get(header::ETAG).and_then(tag::read);
        let offered = tag.ok_or_else(|| Error::peer("it did not say which position it has"))?;
        let is_older = known.is_some_and(|known| {
            known.history == offered.history && offered.revision <= known.revision
        });
        if is_older {
            return Ok(None);
        }
        let body = response.into_body();
        let (position, download) = Download::begin(body, deadline, self.guards).await?;
        if position != offered {
            return Err(Error::peer("it gave another position than it said"));
        }
        Ok(Some((position, download)))
    }
}

impl<S, B, R> Peer for HttpPeer<S, B>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send,
    B: Default + Send + 'static,
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn fetch(
        &self,
        known: Option<Position>,
    ) -> BoxFuture<'_, Result<Option<SourceSnapshot>, Error>> {
        Box::pin(async move {
            let asked = self.ask(known).await?;
            Ok(asked.map(|(position, download)| download.into_snapshot(position)))
        })
    }
}

impl<S, B> fmt::Debug for HttpPeer<S, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpPeer({})", self.uri)
    }
}
