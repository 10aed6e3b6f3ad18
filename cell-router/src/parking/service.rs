use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, request};
use http_body::Body;
use tenancy_types::{Lookup, Placement, Problem, Respond, Route};
use tokio::time::Instant;
use tower_service::Service;

use super::{
    ParkingFuture,
    wait::{Place, Waits},
};
use crate::{
    Error,
    replay::{Kept, ReplayBody},
};

/// When a client may ask again that was not let in. Moves fence writes for about this long.
const LATER: Duration = Duration::from_secs(1);

/// The service that [`ParkingLayer`](super::ParkingLayer) makes.
pub struct ParkingService<S, L, F, R> {
    pub(super) inner: S,
    pub(super) waits: Arc<Waits<L>>,
    pub(super) is_fenced: F,
    pub(super) respond: R,
}

/// A request that may have to be sent again.
pub(super) struct Write<B> {
    head: request::Parts,
    route: Route,
    kept: Kept<B>,
}

impl<S, L, F, R, B, RB> Service<Request<B>> for ParkingService<S, L, F, R>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<RB>, Future: Send>
        + Clone
        + Send
        + 'static,
    L: Lookup,
    F: Fn(&Response<RB>) -> bool + Clone + Send + 'static,
    R: Respond<RB>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    RB: Send + 'static,
{
    type Response = Response<RB>;
    type Error = S::Error;
    type Future = ParkingFuture<S, L, F, R, B, RB>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let route = request.extensions().get::<Route>().copied();
        let Some(route) = route.filter(|_| !request.method().is_safe()) else {
            let request = request.map(ReplayBody::unkept);
            return ParkingFuture::passing(self.inner.call(request));
        };
        let (head, body) = request.into_parts();
        let (body, kept) = ReplayBody::new(body, self.waits.limits.largest_body);
        let write = Write { head, route, kept };
        if self.waits.has(route.tenant) {
            // The body goes home unread.
            drop(body);
            return ParkingFuture::parked(self.clone(), write);
        }
        let first = Request::from_parts(write.head.clone(), body);
        let answer = self.inner.call(first);
        ParkingFuture::trying(answer, self.clone(), write)
    }
}

impl<S, L: Lookup, F, R> ParkingService<S, L, F, R> {
    pub(super) fn says_fenced<RB>(&self, answer: &Response<RB>) -> bool
    where
        F: Fn(&Response<RB>) -> bool,
    {
        (self.is_fenced)(answer)
    }

    /// Waits with the request until it is answered, or refused.
    pub(super) async fn park<B, RB>(mut self, write: Write<B>) -> Result<Response<RB>, S::Error>
    where
        S: Service<Request<ReplayBody<B>>, Response = Response<RB>>,
        F: Fn(&Response<RB>) -> bool,
        R: Respond<RB>,
        B: Body<Data = Bytes> + Unpin,
    {
        let deadline = Instant::now() + self.waits.limits.patience;
        let Write { head, route, kept } = write;
        let refuse = |respond: &R, error: &Error| Ok(respond.respond(error, &head.headers));
        let moving = Error::TenantMoving { retry_after: LATER };
        let Some((mut body, mut kept)) = kept.again() else {
            return refuse(&self.respond, &moving);
        };
        let Some(bytes) = self.measure(&body) else {
            return refuse(&self.respond, &moving);
        };
        let Some(mut place) = self.enter(route, bytes) else {
            return refuse(&self.respond, &Error::ParkingFull { retry_after: LATER });
        };
        loop {
            if !place.turn(deadline).await {
                return refuse(&self.respond, &moving);
            }
            let placement = self.waits.routes.placement(route.tenant);
            let placement = placement.unwrap_or(route.placement);
            let answer = self.send(&head, body, Route { placement, ..route }).await?;
            if !(self.is_fenced)(&answer) {
                if !answer.status().is_server_error() {
                    place.served();
                }
                return Ok(answer);
            }
            let Some(again) = kept.again() else {
                return refuse(&self.respond, &moving);
            };
            (body, kept) = again;
            place.fenced(placement.epoch);
        }
    }

    /// How many bytes it takes to hold the body, unless those are too many.
    fn measure<B: Body<Data = Bytes> + Unpin>(&self, body: &ReplayBody<B>) -> Option<usize> {
        let most = self.waits.limits.largest_body;
        let hint = body.size_hint();
        // Of which nobody says how long it is, it is held as far as it was read.
        let bytes = hint.upper().unwrap_or(most as u64).max(hint.lower());
        usize::try_from(bytes).ok().filter(|bytes| *bytes <= most)
    }

    fn enter(&self, route: Route, bytes: usize) -> Option<Place<L>> {
        let Placement { epoch, .. } = route.placement;
        let place = self.waits.enter(route.tenant, bytes, epoch);
        if place.is_none() {
            let code = Error::ParkingFull { retry_after: LATER }.code();
            tracing::debug!(%code, tenant_id = %route.tenant, "request refused");
        }
        place
    }

    async fn send<B, RB>(
        &mut self,
        head: &request::Parts,
        body: ReplayBody<B>,
        route: Route,
    ) -> Result<Response<RB>, S::Error>
    where
        S: Service<Request<ReplayBody<B>>, Response = Response<RB>>,
    {
        let mut request = Request::from_parts(head.clone(), body);
        request.extensions_mut().insert(route);
        poll_fn(|cx| self.inner.poll_ready(cx)).await?;
        self.inner.call(request).await
    }
}

// A clone starts out not ready, like every clone of the inner service.
impl<S: Clone, L, F: Clone, R: Clone> Clone for ParkingService<S, L, F, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            waits: Arc::clone(&self.waits),
            is_fenced: self.is_fenced.clone(),
            respond: self.respond.clone(),
        }
    }
}

impl<S: fmt::Debug, L, F, R> fmt::Debug for ParkingService<S, L, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkingService")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
