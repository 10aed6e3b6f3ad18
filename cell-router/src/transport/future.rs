use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

pin_project! {
    /// The answer of a cell, or a refusal.
    pub struct ResponseFuture<S, B, ResBody>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, Request<B>, S::Future, Response<ResBody>>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F, Res> {
        // To `Called` when the service, a clone that is not ready yet, becomes so.
        Waiting { service: S, request: Option<Req> },
        // Stays until the cell has answered.
        Called { #[pin] future: F },
        // Answers at once.
        Refused { response: Option<Res> },
    }
}

impl<S: Service<Request<B>>, B, ResBody> ResponseFuture<S, B, ResBody> {
    pub(super) fn forward(service: S, request: Request<B>) -> Self {
        let request = Some(request);
        Self {
            state: State::Waiting { service, request },
        }
    }

    pub(super) fn refuse(response: Response<ResBody>) -> Self {
        let response = Some(response);
        Self {
            state: State::Refused { response },
        }
    }
}

impl<S, B, ResBody> Future for ResponseFuture<S, B, ResBody>
where
    S: Service<Request<B>, Response = Response<ResBody>>,
{
    type Output = Result<Response<ResBody>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let called = match state.as_mut().project() {
                StateProj::Waiting { service, request } => {
                    ready!(service.poll_ready(cx))?;
                    let request = request.take().expect("a service is called once");
                    service.call(request)
                }
                StateProj::Called { future } => return future.poll(cx),
                StateProj::Refused { response } => {
                    let response = response
                        .take()
                        .expect("a future is not polled after its end");
                    return Poll::Ready(Ok(response));
                }
            };
            state.set(State::Called { future: called });
        }
    }
}

impl<S: Service<Request<B>>, B, ResBody> fmt::Debug for ResponseFuture<S, B, ResBody> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Waiting { .. } => "waiting",
            State::Called { .. } => "called",
            State::Refused { .. } => "refused",
        };
        write!(f, "ResponseFuture({state})")
    }
}
