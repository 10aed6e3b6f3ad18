use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::LengthLimitError;
use pin_project_lite::pin_project;

use super::{
    gate::{Told, Waiting},
    upload::Upload,
};
use crate::gateway::GatewayError;

/// Why a body that was being sent upstream broke off; the reason itself is kept by the [`Upload`].
#[derive(Debug, thiserror::Error)]
#[error("the client's body ended early")]
pub(super) struct Broken;

pin_project! {
    /// A client's body on its way upstream.
    pub(super) struct RequestBody<B> {
        // None once, and only if, there is nothing to send.
        #[pin]
        inner: Option<B>,
        upload: Option<Arc<Upload>>,
        waiting: Option<Waiting>,
        // The bound that the body was given, for what is said when it is passed.
        most: u64,
    }
}

impl<B> RequestBody<B> {
    pub(super) fn empty() -> Self {
        Self {
            inner: None,
            upload: None,
            waiting: None,
            most: 0,
        }
    }

    pub(super) fn sending(inner: B, upload: Arc<Upload>, most: u64) -> Self {
        Self {
            inner: Some(inner),
            upload: Some(upload),
            waiting: None,
            most,
        }
    }

    pub(super) fn wait_at(&mut self, waiting: Waiting) {
        self.waiting = Some(waiting);
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>>,
{
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let mut this = self.project();
        let (Some(mut inner), Some(upload)) = (this.inner.as_mut().as_pin_mut(), &*this.upload)
        else {
            return Poll::Ready(None);
        };
        if let Some(waiting) = this.waiting {
            match ready!(waiting.poll(cx)) {
                Told::Go => *this.waiting = None,
                Told::NotWanted => return Poll::Ready(Some(Err(Broken))),
            }
        }
        let frame = inner.as_mut().poll_frame(cx);
        match frame {
            Poll::Pending => {
                upload.wants();
                Poll::Pending
            }
            Poll::Ready(Some(Ok(frame))) => {
                match inner.is_end_stream() {
                    true => upload.done(),
                    false => upload.passed(),
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                upload.fail(reason(error.into(), *this.most));
                Poll::Ready(Some(Err(Broken)))
            }
            Poll::Ready(None) => {
                upload.done();
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Some(inner) => inner.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}

fn reason(error: Box<dyn Error + Send + Sync>, most: u64) -> GatewayError {
    let mut link: Option<&(dyn Error + 'static)> = Some(&*error);
    while let Some(cause) = link {
        if cause.is::<LengthLimitError>() {
            return GatewayError::BodyTooLarge { most };
        }
        link = cause.source();
    }
    GatewayError::ClientBody { source: error }
}
