use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use pin_project_lite::pin_project;
use tenancy_types::{Lookup, Route};
use tower_service::Service;

use super::{layer::Shared, service::Next};
use crate::stale::CatchUp;

pin_project! {
    /// The response of [`EpochGuard`](super::EpochGuard).
    pub struct EpochGuardFuture<S, L, C, R, B, RB>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S::Future, Shared<L, C, R>, Response<RB>, S::Error>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, Sh, Res, E> {
        // The tenant lives here: to `Waiting` when the fence knows more, else answers.
        Serving { #[pin] answer: F, served: Option<(Route, Arc<Sh>)> },
        // This cell catches up: stays until it is answered. Boxed: few requests come to this, and all others would carry
        // its size.
        Waiting { waiting: BoxFuture<'static, Result<Res, E>> },
        // Answers at once.
        Refused { refused: Option<Res> },
    }
}

impl<S: Service<Request<B>>, L, C, R, B, RB> EpochGuardFuture<S, L, C, R, B, RB> {
    pub(super) const fn serving(
        answer: S::Future,
        route: Route,
        shared: Arc<Shared<L, C, R>>,
    ) -> Self {
        let served = Some((route, shared));
        Self {
            state: State::Serving { answer, served },
        }
    }

    pub(super) const fn refused(refused: Response<RB>) -> Self {
        let refused = Some(refused);
        Self {
            state: State::Refused { refused },
        }
    }

    pub(super) fn waiting(
        waiting: impl Future<Output = Result<Response<RB>, S::Error>> + Send + 'static,
    ) -> Self {
        let waiting = Box::pin(waiting);
        Self {
            state: State::Waiting { waiting },
        }
    }
}

impl<S, L, C, R, B, RB> Future for EpochGuardFuture<S, L, C, R, B, RB>
where
    S: Service<Request<B>, Response = Response<RB>, Error: Send> + 'static,
    L: Lookup,
    C: CatchUp,
    R: Send + Sync + 'static,
    RB: Send + 'static,
{
    type Output = Result<Response<RB>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let (mut answer, served, shared) = match state.as_mut().project() {
                StateProj::Waiting { waiting } => return waiting.as_mut().poll(cx),
                StateProj::Refused { refused } => {
                    let refused = refused.take().expect("polled after it was ready");
                    return Poll::Ready(Ok(refused));
                }
                StateProj::Serving { answer, served } => {
                    let answer = ready!(answer.poll(cx))?;
                    let (served, shared) = served.take().expect("polled after it was ready");
                    (answer, served, shared)
                }
            };
            if shared.finish(&mut answer, served) == Next::Answer {
                return Poll::Ready(Ok(answer));
            }
            let waiting = Box::pin(async move {
                shared.finish_late(&mut answer, served).await;
                Ok(answer)
            });
            state.set(State::Waiting { waiting });
        }
    }
}

impl<S: Service<Request<B>>, L, C, R, B, RB> fmt::Debug for EpochGuardFuture<S, L, C, R, B, RB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Serving { .. } => "serving",
            State::Waiting { .. } => "waiting",
            State::Refused { .. } => "refused",
        };
        write!(f, "EpochGuardFuture({state})")
    }
}
