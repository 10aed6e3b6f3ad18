use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tenancy_types::Respond;
use tower_service::Service;

use super::{layer::Shared, service::refuse};
use crate::Confirming;

pin_project! {
    /// The response of [`RouteService`](super::RouteService).
    pub struct RouteFuture<S, B, L, R, RB>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, Request<B>, S::Future, Shared<L, R>, Response<RB>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F, Sh, Res> {
        // The route is known: stays until the inner service has answered.
        Calling { #[pin] future: F },
        // The directory is asked: to `Calling` when it has the host, else answers and is polled no more. Boxed, so
        // that requests whose host is known carry nothing of it.
        Confirming { waiting: Option<Box<Waiting<S, Req, Sh>>> },
        // Answers at once.
        Refused { response: Option<Res> },
    }
}

/// A request that waits for its route, and the service that is ready for it.
struct Waiting<S, Req, Sh> {
    confirming: Confirming,
    ready: S,
    request: Req,
    shared: Arc<Sh>,
}

impl<S: Service<Request<B>>, B, L, R, RB> RouteFuture<S, B, L, R, RB> {
    pub(super) fn calling(future: S::Future) -> Self {
        Self {
            state: State::Calling { future },
        }
    }

    pub(super) fn confirming(
        confirming: Confirming,
        ready: S,
        request: Request<B>,
        shared: Arc<Shared<L, R>>,
    ) -> Self {
        let waiting = Some(Box::new(Waiting {
            confirming,
            ready,
            request,
            shared,
        }));
        Self {
            state: State::Confirming { waiting },
        }
    }

    pub(super) fn refused(response: Response<RB>) -> Self {
        let response = Some(response);
        Self {
            state: State::Refused { response },
        }
    }
}

impl<S, B, L, R, RB> Future for RouteFuture<S, B, L, R, RB>
where
    S: Service<Request<B>, Response = Response<RB>>,
    R: Respond<RB>,
{
    type Output = Result<Response<RB>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let future = match state.as_mut().project() {
                StateProj::Calling { future } => return future.poll(cx),
                StateProj::Refused { response } => {
                    let response = response.take().expect("polled after it was ready");
                    return Poll::Ready(Ok(response));
                }
                StateProj::Confirming { waiting } => {
                    let asked = waiting.as_mut().expect("polled after it was ready");
                    let verdict = ready!(Pin::new(&mut asked.confirming).poll(cx));
                    let mut asked = waiting.take().expect("it was there a moment ago");
                    match verdict.route() {
                        Ok(route) => {
                            asked.request.extensions_mut().insert(route);
                            asked.ready.call(asked.request)
                        }
                        Err(refusal) => {
                            let response = refuse(&asked.shared.respond, &refusal, &asked.request);
                            return Poll::Ready(Ok(response));
                        }
                    }
                }
            };
            state.set(State::Calling { future });
        }
    }
}

impl<S: Service<Request<B>>, B, L, R, RB> fmt::Debug for RouteFuture<S, B, L, R, RB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Calling { .. } => "calling",
            State::Confirming { .. } => "confirming",
            State::Refused { .. } => "refused",
        };
        write!(f, "RouteFuture({state})")
    }
}
