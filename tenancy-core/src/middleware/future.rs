use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;

pin_project_lite::pin_project! {
    /// The response of the inner service, or of the layer that refused the request.
    #[derive(Debug)]
    pub struct ResponseFuture<F, RB> {
        #[pin]
        state: State<F, RB>,
    }
}

pin_project_lite::pin_project! {
    #[derive(Debug)]
    #[project = StateProjection]
    enum State<F, RB> {
        // The request was let in: ends with the inner response.
        Calling { #[pin] response: F },
        // The request was refused: answered at once; empty afterwards.
        Refused { response: Option<Response<RB>> },
    }
}

impl<F, RB> ResponseFuture<F, RB> {
    pub(crate) const fn calling(response: F) -> Self {
        Self {
            state: State::Calling { response },
        }
    }

    pub(crate) const fn refused(response: Response<RB>) -> Self {
        Self {
            state: State::Refused {
                response: Some(response),
            },
        }
    }
}

impl<F, E, RB> Future for ResponseFuture<F, RB>
where
    F: Future<Output = Result<Response<RB>, E>>,
{
    type Output = Result<Response<RB>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = match self.project().state.project() {
            StateProjection::Calling { response } => ready!(response.poll(cx)),
            StateProjection::Refused { response } => {
                Ok(response.take().expect("polled after it was ready"))
            }
        };
        Poll::Ready(response)
    }
}
