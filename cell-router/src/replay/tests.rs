use std::{collections::VecDeque, convert::Infallible, future::poll_fn};

use futures_util::FutureExt;
use http::HeaderValue;
use proptest::{collection::vec, prelude::*};

use super::*;

/// Comes piece by piece.
#[derive(Debug, Default)]
struct Pieces(VecDeque<Frame<Bytes>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let pieces = self.0.iter().filter_map(Frame::data_ref);
        SizeHint::with_exact(pieces.map(|piece| piece.len() as u64).sum())
    }
}

fn body(text: &[u8], piece: usize, has_trailers: bool) -> Pieces {
    let pieces = text.chunks(piece.max(1)).map(Bytes::copy_from_slice);
    let mut pieces: VecDeque<_> = pieces.map(Frame::data).collect();
    if has_trailers {
        pieces.push_back(Frame::trailers(trailers()));
    }
    Pieces(pieces)
}

fn trailers() -> HeaderMap {
    let value = HeaderValue::from_static("1");
    [(http::HeaderName::from_static("checksum"), value)]
        .into_iter()
        .collect()
}

/// Reads so many frames, or to the end.
fn read(body: &mut ReplayBody<Pieces>, frames: usize) -> (Vec<u8>, Option<HeaderMap>) {
    let (mut text, mut trailers) = (Vec::new(), None);
    for _ in 0..frames {
        let expect = body.size_hint().exact();
        let next = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
        let Some(Ok(frame)) = next.now_or_never().expect("it is all there") else {
            assert_eq!(expect, Some(0));
            assert!(body.is_end_stream());
            break;
        };
        match frame.into_data() {
            Ok(piece) => {
                let left = expect.unwrap() - piece.len() as u64;
                assert_eq!(body.size_hint().exact(), Some(left));
                text.extend(piece);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    (text, trailers)
}

proptest! {
    /// However far it was read, and however often.
    #[test]
    fn the_second_is_like_the_first(
        text in vec(any::<u8>(), 0..200),
        piece in 1..50_usize,
        has_trailers: bool,
        reads in vec(0..12_usize, 1..5),
        most in 0..300_usize,
    ) {
        let (mut first, mut kept) = ReplayBody::new(body(&text, piece, has_trailers), most);
        for frames in reads {
            let (begun, _) = read(&mut first, frames);
            prop_assert!(text.starts_with(&begun));
            drop(first);
            let went_by_most = begun.len() > most;
            let Some(next) = kept.again() else {
                prop_assert!(went_by_most, "kept {} of {most}", begun.len());
                return Ok(());
            };
            prop_assert!(!went_by_most);
            (first, kept) = next;
        }
        let (whole, end) = read(&mut first, usize::MAX);
        prop_assert_eq!(whole, text);
        prop_assert_eq!(end, has_trailers.then(trailers));
    }
}

#[test]
fn what_is_still_being_sent_is_not_sent_again() {
    let (first, kept) = ReplayBody::new(body(b"text", 2, false), 100);
    assert!(kept.again().is_none());
    drop(first);
}

#[test]
fn what_broke_off_is_not_sent_again() {
    struct Broken;
    impl Body for Broken {
        type Data = Bytes;
        type Error = &'static str;
        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
            Poll::Ready(Some(Err("reset")))
        }
    }
    let (mut first, kept) = ReplayBody::new(Broken, 100);
    let next = poll_fn(|cx| Pin::new(&mut first).poll_frame(cx));
    next.now_or_never().unwrap().unwrap().unwrap_err();
    drop(first);
    assert!(kept.again().is_none());
}
