use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::Body;
use pin_project_lite::pin_project;
use tenancy_types::Respond;
use tower_service::Service;

use super::{
    StaleRoute,
    service::{Sent, is_misdirected},
};
use crate::{
    ReplayBody, RouteTable,
    stale::{CatchUp, undone},
};

pin_project! {
    /// The response of [`StaleRoute`](super::StaleRoute).
    pub struct StaleRouteFuture<S, T, C, R, B, RB>
    where
        S: Service<Request<ReplayBody<B>>, Response = Response<RB>>,
    {
        #[pin]
        state: State<S::Future, StaleRoute<S, T, C, R>, Sent<B>, Response<RB>, S::Error>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<A, P, W, Res, E> {
        // To `Again` when the tenant is not where it was thought to be, else answers.
        Trying { #[pin] answer: A, again: Option<(P, W)> },
        // Stays until it is answered. Boxed: few requests come to this, and all others would carry its size.
        Again { again: BoxFuture<'static, Result<Res, E>> },
    }
}

impl<S, T, C, R, B, RB> StaleRouteFuture<S, T, C, R, B, RB>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<RB>>,
{
    pub(super) const fn trying(
        answer: S::Future,
        service: StaleRoute<S, T, C, R>,
        sent: Sent<B>,
    ) -> Self {
        let again = Some((service, sent));
        Self {
            state: State::Trying { answer, again },
        }
    }
}

impl<S, T, C, R, B, RB> Future for StaleRouteFuture<S, T, C, R, B, RB>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<RB>, Future: Send, Error: Send>
        + Send
        + 'static,
    T: RouteTable,
    C: CatchUp,
    R: Respond<RB>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    RB: Send + 'static,
{
    type Output = Result<Response<RB>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let again = match state.as_mut().project() {
                StateProj::Again { again } => return again.as_mut().poll(cx),
                StateProj::Trying { answer, again } => {
                    let mut answer = ready!(answer.poll(cx))?;
                    if !is_misdirected(&answer) {
                        undone::read(&mut answer);
                        return Poll::Ready(Ok(answer));
                    }
                    let (service, sent) = again.take().expect("polled after it was ready");
                    let (answer, _) = answer.into_parts();
                    Box::pin(service.again(sent, answer.headers))
                }
            };
            state.set(State::Again { again });
        }
    }
}

impl<S, T, C, R, B, RB> fmt::Debug for StaleRouteFuture<S, T, C, R, B, RB>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<RB>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Trying { .. } => "trying",
            State::Again { .. } => "again",
        };
        write!(f, "StaleRouteFuture({state})")
    }
}
