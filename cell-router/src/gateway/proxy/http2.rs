use std::{
    collections::HashMap,
    error::Error,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Request, Response, Uri, uri::Authority};
use http_body::Body;
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tower_service::Service;

use super::{client::SendError, connect::Connector, request_body::RequestBody};

/// One HTTP/2 connection for each upstream, made when it is needed first or again.
///
/// hyper-util's pool would do, but names the upstream in `:authority`, and the client's host has to stand there: a
/// cell compares it with `Host`.
pub(super) struct Http2<B> {
    connector: Connector,
    upstreams: Arc<Mutex<HashMap<Authority, Slot<B>>>>,
    ping: std::time::Duration,
}

/// Whoever makes the connection holds the lock; the others wait for it.
type Slot<B> = Arc<tokio::sync::Mutex<Option<SendRequest<RequestBody<B>>>>>;

impl<B> Http2<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static,
{
    pub(super) fn new(connector: Connector, ping: std::time::Duration) -> Self {
        Self {
            connector,
            upstreams: Arc::default(),
            ping,
        }
    }

    /// Sends a request; once more on another connection if it was not sent on the first.
    pub(super) async fn send(
        self,
        authority: Authority,
        request: Request<RequestBody<B>>,
    ) -> Result<Response<Incoming>, SendError> {
        let sent = self.connection(&authority).await?.try_send_request(request);
        match sent.await {
            Ok(response) => Ok(response),
            Err(mut unsent) => match unsent.take_message() {
                Some(request) => {
                    let mut connection = self.connection(&authority).await?;
                    let sent = connection.send_request(request).await;
                    sent.map_err(SendError::lost)
                }
                None => Err(SendError::lost(unsent.into_error())),
            },
        }
    }

    async fn connection(
        &self,
        authority: &Authority,
    ) -> Result<SendRequest<RequestBody<B>>, SendError> {
        let slot = Arc::clone(self.lock().entry(authority.clone()).or_default());
        let mut held = slot.lock().await;
        if let Some(connection) = &*held
            && !connection.is_closed()
        {
            return Ok(connection.clone());
        }
        let connection = self.connect(authority, &slot).await?;
        *held = Some(connection.clone());
        Ok(connection)
    }

    async fn connect(
        &self,
        authority: &Authority,
        slot: &Slot<B>,
    ) -> Result<SendRequest<RequestBody<B>>, SendError> {
        let uri = Uri::builder().scheme("http").authority(authority.clone());
        let uri = uri.path_and_query("/").build();
        let uri = uri.expect("an authority makes a URI");
        let io = self.connector.clone().call(uri).await;
        let io = io.map_err(SendError::unreachable)?;
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(self.ping)
            .keep_alive_timeout(self.ping);
        let (sender, connection) = builder
            .handshake(io)
            .await
            .map_err(|error| SendError::unreachable(error.into()))?;
        let (upstreams, slot) = (Arc::clone(&self.upstreams), Arc::clone(slot));
        let authority = authority.clone();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to an upstream ended early");
            }
            let mut upstreams = upstreams.lock().unwrap_or_else(PoisonError::into_inner);
            // Upstreams come and go: nothing is kept for those that are gone.
            if let Some(present) = upstreams.get(&authority)
                && Arc::ptr_eq(present, &slot)
            {
                upstreams.remove(&authority);
            }
        });
        Ok(sender)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Authority, Slot<B>>> {
        self.upstreams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Clone for Http2<B> {
    fn clone(&self) -> Self {
        Self {
            connector: self.connector.clone(),
            upstreams: Arc::clone(&self.upstreams),
            ping: self.ping,
        }
    }
}

impl<B> fmt::Debug for Http2<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2").finish_non_exhaustive()
    }
}
