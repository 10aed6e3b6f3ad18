//! Requests that can be sent again.
//!
//! A body is passed on as it comes, and what went by is kept beside it, up to a bound. So nothing is delayed for the case
//! that a request must be sent once more, and a body that is larger than the bound simply cannot be.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// A request's body that keeps what it has passed on, so that it can be sent once more when it is dropped.
pub struct ReplayBody<B> {
    /// Always there until it is dropped.
    tape: Option<Tape<B>>,
    /// The next of the kept pieces; behind them come the trailers.
    at: usize,
    /// None when nothing is kept.
    home: Option<Arc<Mutex<Option<Tape<B>>>>>,
}

/// What is left of a [`ReplayBody`] when it is dropped.
pub(crate) struct Kept<B>(Arc<Mutex<Option<Tape<B>>>>);

struct Tape<B> {
    pieces: Vec<Bytes>,
    trailers: Option<HeaderMap>,
    /// What has not come yet. None behind the end.
    rest: Option<B>,
    bytes: usize,
    most: usize,
    /// Whether nothing that went by is missing.
    is_whole: bool,
}

impl<B> ReplayBody<B> {
    /// Keeps up to so many bytes.
    pub(crate) fn new(body: B, most: usize) -> (Self, Kept<B>) {
        Self::of(Tape::new(body, most))
    }

    /// Only passes on.
    #[cfg(feature = "parking")]
    pub(crate) fn unkept(body: B) -> Self {
        Self {
            tape: Some(Tape::new(body, 0)),
            at: 0,
            home: None,
        }
    }

    fn of(tape: Tape<B>) -> (Self, Kept<B>) {
        let home = Arc::default();
        let kept = Kept(Arc::clone(&home));
        let body = Self {
            tape: Some(tape),
            at: 0,
            home: Some(home),
        };
        (body, kept)
    }

    fn tape(&self) -> &Tape<B> {
        self.tape.as_ref().expect("it is there until the drop")
    }
}

impl<B> Kept<B> {
    /// The same body from its beginning; none when somebody still sends the first one, or it was too large.
    pub(crate) fn again(self) -> Option<(ReplayBody<B>, Self)> {
        let tape = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        tape.filter(|tape| tape.is_whole).map(ReplayBody::of)
    }
}

impl<B> Tape<B> {
    const fn new(body: B, most: usize) -> Self {
        Self {
            pieces: Vec::new(),
            trailers: None,
            rest: Some(body),
            bytes: 0,
            most,
            is_whole: true,
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Tape<B> {
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(rest) = &mut self.rest else {
            return Poll::Ready(None);
        };
        let frame = match ready!(Pin::new(rest).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                // What broke off is not to be sent again as if it had ended.
                self.is_whole = false;
                return Poll::Ready(Some(Err(error)));
            }
            None => {
                self.rest = None;
                return Poll::Ready(None);
            }
        };
        if let Some(piece) = frame.data_ref() {
            self.keep(piece);
        } else if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn keep(&mut self, piece: &Bytes) {
        self.bytes += piece.len();
        if self.bytes > self.most {
            self.is_whole = false;
            self.pieces = Vec::new();
        } else if self.is_whole {
            self.pieces.push(piece.clone());
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for ReplayBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let tape = this.tape.as_mut().expect("it is there until the drop");
        if let Some(piece) = tape.pieces.get(this.at) {
            this.at += 1;
            return Poll::Ready(Some(Ok(Frame::data(piece.clone()))));
        }
        if let (Some(trailers), true) = (&tape.trailers, this.at == tape.pieces.len()) {
            this.at += 1;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers.clone()))));
        }
        let frame = ready!(tape.poll_rest(cx));
        // What has just been kept went by already.
        this.at = tape.pieces.len() + usize::from(tape.trailers.is_some());
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let tape = self.tape();
        let has_trailers = tape.trailers.is_some() && self.at <= tape.pieces.len();
        self.at >= tape.pieces.len()
            && !has_trailers
            && tape.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let tape = self.tape();
        let ahead = tape.pieces.get(self.at..).unwrap_or_default();
        let ahead: u64 = ahead.iter().map(|piece| piece.len() as u64).sum();
        let rest = tape
            .rest
            .as_ref()
            .map_or(SizeHint::with_exact(0), Body::size_hint);
        let mut hint = SizeHint::new();
        hint.set_lower(ahead.saturating_add(rest.lower()));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(ahead)) {
            hint.set_upper(upper);
        }
        hint
    }
}

impl<B> Drop for ReplayBody<B> {
    fn drop(&mut self) {
        if let Some(home) = &self.home {
            let mut home = home.lock().unwrap_or_else(PoisonError::into_inner);
            *home = self.tape.take();
        }
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tape = self.tape();
        f.debug_struct("ReplayBody")
            .field("bytes", &tape.bytes)
            .field("is_whole", &tape.is_whole)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
