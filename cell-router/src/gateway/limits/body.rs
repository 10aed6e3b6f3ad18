use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use http_body_util::Limited;
use pin_project_lite::pin_project;

/// Left in a request's extensions, for what is said when the bound is passed.
#[derive(Clone, Copy, Debug)]
pub(in crate::gateway) struct BodyBound {
    pub(in crate::gateway) most: u64,
}

pin_project! {
    /// A body that ends with an error once it is longer than allowed. In the error's chain stands
    /// [`http_body_util::LengthLimitError`], which axum answers with 413.
    pub struct LimitedBody<B> {
        #[pin]
        inner: Limited<B>,
    }
}

impl<B> LimitedBody<B> {
    pub(super) fn new(inner: B, most: u64) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self {
            inner: Limited::new(inner, most),
        }
    }
}

impl<B> Body for LimitedBody<B>
where
    B: Body,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    type Data = B::Data;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, Self::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> fmt::Debug for LimitedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedBody").finish_non_exhaustive()
    }
}
