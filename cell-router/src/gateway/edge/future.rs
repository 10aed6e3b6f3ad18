use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use pin_project_lite::pin_project;

pin_project! {
    /// The inner service's answer, or the edge's own.
    pub struct EdgeFuture<F, RB> {
        #[pin]
        state: State<F, RB>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, RB> {
        // Stays until the inner service has answered.
        Calling { #[pin] future: F },
        // Answers at once.
        Answered { response: Option<Response<RB>> },
    }
}

impl<F, RB> EdgeFuture<F, RB> {
    pub(super) fn calling(future: F) -> Self {
        Self {
            state: State::Calling { future },
        }
    }

    pub(super) fn answered(response: Response<RB>) -> Self {
        let response = Some(response);
        Self {
            state: State::Answered { response },
        }
    }
}

impl<F, RB, E> Future for EdgeFuture<F, RB>
where
    F: Future<Output = Result<Response<RB>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Calling { future } => future.poll(cx),
            StateProj::Answered { response } => {
                let response = response.take();
                Poll::Ready(Ok(response.expect("a future is not polled after its end")))
            }
        }
    }
}

impl<F, RB> fmt::Debug for EdgeFuture<F, RB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeFuture").finish_non_exhaustive()
    }
}
