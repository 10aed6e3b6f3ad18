use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::Permit;

pin_project! {
    /// A response body that holds its request's place among those in flight until it has ended, has failed
    /// or is dropped.
    #[derive(Debug)]
    pub struct PermitBody<B> {
        #[pin]
        inner: B,
        permit: Option<Permit>,
    }
}

impl<B: Body> PermitBody<B> {
    /// A body with this permit; `None` for the body of a refusal.
    pub(super) fn new(inner: B, permit: Option<Permit>) -> Self {
        // Servers do not poll a body that says it has ended, so such a one must not wait for its drop.
        let permit = permit.filter(|_| !inner.is_end_stream());
        Self { inner, permit }
    }
}

/// So that an outer layer can answer with such a body, too: one that holds no place.
impl<B: From<String>> From<String> for PermitBody<B> {
    fn from(text: String) -> Self {
        let inner = B::from(text);
        Self {
            inner,
            permit: None,
        }
    }
}

impl<B: Body> Body for PermitBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let ended = !matches!(frame, Some(Ok(_))) || this.inner.is_end_stream();
        if ended {
            *this.permit = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
