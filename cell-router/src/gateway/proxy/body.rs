use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{gate::Gate, upload::Upload};
use crate::gateway::{GatewayError, Timeouts, timeouts::Sending};

pin_project! {
    /// An upstream's body, or a refusal's text.
    ///
    /// It ends with an error, never as if it were whole, when the upstream breaks off or a time limit passes; hyper
    /// then closes the client's connection, or resets its stream. Dropping it before its end gives the request up.
    #[derive(Default)]
    pub struct ProxyBody {
        #[pin]
        inner: Inner,
    }
}

pin_project! {
    #[project = InnerProj]
    #[derive(Default)]
    enum Inner {
        #[default]
        Empty,
        Text { #[pin] text: Full<Bytes> },
        Upstream { #[pin] body: Incoming, watch: Watch },
    }
}

/// What a body that is on its way is measured by.
pub(super) struct Watch {
    pub(super) timeouts: Timeouts,
    pub(super) began: Instant,
    /// When the last byte came.
    pub(super) last: Instant,
    /// The request's body may still be on its way.
    pub(super) upload: Option<Arc<Upload>>,
    pub(super) gate: Option<Gate>,
    /// Only bodies that are waited for need one.
    pub(super) timer: Option<Pin<Box<Sleep>>>,
}

impl ProxyBody {
    pub(super) fn upstream(body: Incoming, watch: Watch) -> Self {
        Self {
            inner: Inner::Upstream { body, watch },
        }
    }
}

impl Watch {
    /// Whether bytes have stayed away for too long.
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<GatewayError> {
        loop {
            let (due, expired) = self.due();
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            ready!(timer.as_mut().poll(cx));
            // The request's body may have moved since the timer was set.
            if self.due().0 <= Instant::now() {
                return Poll::Ready(expired.into());
            }
        }
    }

    fn due(&self) -> (Instant, crate::gateway::Expired) {
        let sent = self.upload.as_ref().map(|upload| match upload.sending() {
            Sending::Done(at) | Sending::Client(at) | Sending::Upstream(at) => at,
        });
        let last = self.last.into_std();
        let last = sent.map_or(last, |sent| sent.max(last));
        let (due, expired) = self.timeouts.body_due(self.began.into_std(), last);
        (Instant::from_std(due), expired)
    }

    /// A stream that never pauses ends in time, too.
    fn is_over(&self, now: Instant) -> bool {
        let total = self.timeouts.total;
        total.is_some_and(|total| now.duration_since(self.began) > total)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(gate) = &self.gate {
            gate.gone();
        }
    }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = GatewayError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GatewayError>>> {
        let (body, watch) = match self.project().inner.project() {
            InnerProj::Empty => return Poll::Ready(None),
            InnerProj::Text { text } => {
                return text.poll_frame(cx).map_err(|never| match never {});
            }
            InnerProj::Upstream { body, watch } => (body, watch),
        };
        match body.poll_frame(cx) {
            Poll::Pending => watch.poll_due(cx).map(|due| Some(Err(due))),
            Poll::Ready(Some(Ok(frame))) => {
                let now = Instant::now();
                watch.last = now;
                match watch.is_over(now) {
                    true => Poll::Ready(Some(Err(crate::gateway::Expired::Total.into()))),
                    false => Poll::Ready(Some(Ok(frame))),
                }
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(GatewayError::upstream(error)))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Empty => true,
            Inner::Text { text } => text.is_end_stream(),
            Inner::Upstream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Empty => SizeHint::with_exact(0),
            Inner::Text { text } => text.size_hint(),
            Inner::Upstream { body, .. } => body.size_hint(),
        }
    }
}

/// A refusal's text.
impl From<String> for ProxyBody {
    fn from(text: String) -> Self {
        let text = Full::from(text);
        Self {
            inner: Inner::Text { text },
        }
    }
}

impl fmt::Debug for ProxyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = match self.inner {
            Inner::Empty => "empty",
            Inner::Text { .. } => "text",
            Inner::Upstream { .. } => "upstream",
        };
        write!(f, "ProxyBody({inner})")
    }
}
