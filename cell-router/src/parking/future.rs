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
use tenancy_types::{Lookup, Respond};
use tower_service::Service;

use super::{ParkingService, service::Write};
use crate::replay::ReplayBody;

pin_project! {
    /// The answer, at once or after a wait.
    pub struct ParkingFuture<S, L, F, R, B, RB>
    where
        S: Service<Request<ReplayBody<B>>, Response = Response<RB>>,
    {
        #[pin]
        state: State<S::Future, ParkingService<S, L, F, R>, Write<B>, BoxFuture<'static, Result<Response<RB>, S::Error>>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<A, P, W, Q> {
        // Stays until it is answered.
        Passing { #[pin] answer: A },
        // To `Parked` when it is fenced.
        Trying { #[pin] answer: A, again: Option<(P, W)> },
        // Stays until it is answered. Boxed: few requests come to this, and all others would carry its size.
        Parked { parked: Q },
    }
}

impl<S, L, F, R, B, RB> ParkingFuture<S, L, F, R, B, RB>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<RB>, Future: Send> + Send + 'static,
    L: Lookup,
    F: Fn(&Response<RB>) -> bool + Send + 'static,
    R: Respond<RB>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    RB: Send + 'static,
{
    pub(super) const fn passing(answer: S::Future) -> Self {
        Self {
            state: State::Passing { answer },
        }
    }

    pub(super) const fn trying(
        answer: S::Future,
        again: ParkingService<S, L, F, R>,
        write: Write<B>,
    ) -> Self {
        Self {
            state: State::Trying {
                answer,
                again: Some((again, write)),
            },
        }
    }

    pub(super) fn parked(service: ParkingService<S, L, F, R>, write: Write<B>) -> Self {
        Self {
            state: State::Parked {
                parked: Box::pin(service.park(write)),
            },
        }
    }
}

impl<S, L, F, R, B, RB> Future for ParkingFuture<S, L, F, R, B, RB>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<RB>, Future: Send> + Send + 'static,
    L: Lookup,
    F: Fn(&Response<RB>) -> bool + Send + 'static,
    R: Respond<RB>,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    RB: Send + 'static,
{
    type Output = Result<Response<RB>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let (service, write) = match state.as_mut().project() {
            StateProj::Passing { answer } => return answer.poll(cx),
            StateProj::Parked { parked } => return parked.as_mut().poll(cx),
            StateProj::Trying { answer, again } => {
                let answer = ready!(answer.poll(cx))?;
                let (service, write) = again.take().expect("a future is not polled after its end");
                if !service.says_fenced(&answer) {
                    return Poll::Ready(Ok(answer));
                }
                (service, write)
            }
        };
        let parked = Box::pin(service.park(write));
        state.set(State::Parked { parked });
        match state.project() {
            StateProj::Parked { parked } => parked.as_mut().poll(cx),
            StateProj::Passing { .. } | StateProj::Trying { .. } => unreachable!("it was set"),
        }
    }
}

impl<S, L, F, R, B, RB> fmt::Debug for ParkingFuture<S, L, F, R, B, RB>
where
    S: Service<Request<ReplayBody<B>>, Response = Response<RB>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Passing { .. } => "passing",
            State::Trying { .. } => "trying",
            State::Parked { .. } => "parked",
        };
        write!(f, "ParkingFuture({state})")
    }
}
