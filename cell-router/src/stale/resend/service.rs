use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, request};
use http_body::Body;
use tenancy_types::{Problem, Respond, Route};
use tokio::time::timeout;
use tower_service::Service;

use super::{StaleRouteFuture, layer::Shared};
use crate::{
    Error, RouteTable,
    replay::{Kept, ReplayBody},
    stale::{CatchUp, undone},
};

/// When a client may ask again. A table is behind for milliseconds, or for as long as the directory is away.
const LATER: Duration = Duration::from_secs(1);

/// The service that [`StaleRouteLayer`](super::StaleRouteLayer) makes.
pub struct StaleRoute<S, T, C, R> {
    pub(super) inner: S,
    pub(super) shared: Arc<Shared<T, C, R>>,
}

/// A request that may have to be sent once more.
pub(super) struct Sent<B> {
    head: request::Parts,
    route: Option<Route>,
    kept: Kept<B>,
}

impl<S, T, C, R, B, RB> Service<Request<B>> for StaleRoute<S, T, C, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<RB>, Future: Send, Error: Send>
        + Clone
        + Send
        + 'static,
    T: RouteTable,
    C: CatchUp,
    R: Respond<RB>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    RB: Send + 'static,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = StaleRouteFuture<S, T, C, R, B, RB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let route = request.extensions().get::<Route>().copied();
        let (head, body) = request.into_parts();
        let (body, kept) = ReplayBody::new(body, self.shared.largest_body);
        let first = Request::from_parts(head.clone(), body);
        let sent = Sent { head, route, kept };
        StaleRouteFuture::trying(self.inner.call(first), self.clone(), sent)
    }
}

/// Whether the cell that was asked wants nothing to do with it.
pub(super) fn is_misdirected<RB>(answer: &Response<RB>) -> bool {
    answer.status() == StatusCode::MISDIRECTED_REQUEST
}

impl<S, T: RouteTable, C: CatchUp, R> StaleRoute<S, T, C, R> {
    /// Sends it to where the tenant lives by now, if anybody knows. `fields` are those of the cell's answer.
    pub(super) async fn again<B, RB>(
        mut self,
        sent: Sent<B>,
        fields: HeaderMap,
    ) -> Result<Response<RB>, S::Error>
    where
        S: Service<Request<ReplayBody<B>>, Response = Response<RB>>,
        R: Respond<RB>,
        B: Body<Data = Bytes> + Unpin,
    {
        let Sent { head, route, kept } = sent;
        let Some(asked) = route else {
            return Ok(self.shared.refuse(&head.headers));
        };
        let Some(newer) = self.shared.newer(asked, &fields).await else {
            return Ok(self.shared.refuse(&head.headers));
        };
        let Some((body, _)) = kept.again() else {
            return Ok(self.shared.refuse(&head.headers));
        };
        tracing::debug!(tenant_id = %newer.tenant, cell_id = %newer.placement.cell, "sent again");
        let mut request = Request::from_parts(head.clone(), body);
        request.extensions_mut().insert(newer);
        poll_fn(|cx| self.inner.poll_ready(cx)).await?;
        let mut answer = self.inner.call(request).await?;
        if is_misdirected(&answer) {
            // The next request may do better.
            self.shared.learn(newer, answer.headers());
            return Ok(self.shared.refuse(&head.headers));
        }
        undone::read(&mut answer);
        Ok(answer)
    }
}

impl<T: RouteTable, C: CatchUp, R> Shared<T, C, R> {
    /// A newer route than the one that was asked with.
    async fn newer(&self, asked: Route, fields: &HeaderMap) -> Option<Route> {
        self.learn(asked, fields);
        let table = &self.table;
        let newer = || {
            let placement = table.placement(asked.tenant)?;
            let is_newer = placement.epoch > asked.placement.epoch;
            is_newer.then_some(Route { placement, ..asked })
        };
        if let Some(route) = newer() {
            return Some(route);
        }
        let is_known = self.catch_up.until(|| newer().is_some());
        timeout(self.patience, is_known).await.ok();
        newer()
    }

    /// Tells the table what the cell that was asked says, if that can be believed.
    fn learn(&self, asked: Route, fields: &HeaderMap) {
        let tenant_id = asked.tenant;
        match self.hints.read(fields, asked) {
            // Only a newer epoch applies.
            Ok(placement) => drop(self.table.hint(tenant_id, placement)),
            Err(refused) => tracing::debug!(%tenant_id, %refused, "a cell's hint is not believed"),
        }
    }

    fn refuse<RB>(&self, request: &HeaderMap) -> Response<RB>
    where
        R: Respond<RB>,
    {
        let moved = Error::TenantMoved { retry_after: LATER };
        tracing::debug!(code = %moved.code(), "request refused");
        self.respond.respond(&moved, request)
    }
}

// A clone starts out not ready, like every clone of the inner service.
impl<S: Clone, T, C, R> Clone for StaleRoute<S, T, C, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<S: fmt::Debug, T, C, R> fmt::Debug for StaleRoute<S, T, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaleRoute")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
