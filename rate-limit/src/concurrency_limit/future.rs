use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::PermitBody;
use crate::Permit;

pin_project! {
    /// The response of a [`ConcurrencyLimit`](crate::ConcurrencyLimit) service. Dropping it gives the place
    /// back.
    #[must_use = "futures do nothing unless polled"]
    pub struct EnterFuture<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, B> {
        // The inner service was called. Stays so until its future is ready; then the permit moves on into the
        // body, or is dropped with an error.
        Serving {
            #[pin]
            future: F,
            permit: Option<Permit>,
        },
        // The inner service was not called. The response is taken by the first poll.
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B> EnterFuture<F, B> {
    pub(super) const fn serving(future: F, permit: Permit) -> Self {
        let permit = Some(permit);
        let state = State::Serving { future, permit };
        Self { state }
    }

    pub(super) const fn refused(response: Response<B>) -> Self {
        let response = Some(response);
        let state = State::Refused { response };
        Self { state }
    }
}

impl<F, B, E> Future for EnterFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<PermitBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (response, permit) = match self.project().state.project() {
            StateProj::Serving { future, permit } => {
                let result = ready!(future.poll(cx));
                // Taken before an error returns: a future that is done holds no place.
                let permit = permit.take();
                (result?, permit)
            }
            StateProj::Refused { response } => {
                let response = response.take().expect("polled after it was ready");
                (response, None)
            }
        };
        Poll::Ready(Ok(response.map(|body| PermitBody::new(body, permit))))
    }
}

impl<F, B> fmt::Debug for EnterFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Serving { .. } => "Serving",
            State::Refused { .. } => "Refused",
        };
        f.debug_tuple("EnterFuture").field(&state).finish()
    }
}
