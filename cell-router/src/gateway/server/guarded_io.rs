use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::preface::Preface;

pin_project! {
    /// A connection that says when its version of HTTP is known, and that breaks off when its client takes nothing for
    /// too long. hyper has a time limit for neither.
    pub(super) struct GuardedIo<Io> {
        #[pin]
        io: Io,
        preface: Preface,
        is_decided: Arc<AtomicBool>,
        stall: Duration,
        // Only clients that take nothing need one.
        stalled: Option<Pin<Box<Sleep>>>,
    }
}

impl<Io> GuardedIo<Io> {
    pub(super) fn new(io: Io, stall: Duration) -> (Self, Arc<AtomicBool>) {
        let is_decided = Arc::new(AtomicBool::new(false));
        let guarded = Self {
            io,
            preface: Preface::START,
            is_decided: Arc::clone(&is_decided),
            stall,
            stalled: None,
        };
        (guarded, is_decided)
    }
}

/// Passes a write's outcome on, or breaks off when writes have been pending for too long.
fn bounded<T>(
    outcome: Poll<io::Result<T>>,
    stalled: &mut Option<Pin<Box<Sleep>>>,
    stall: Duration,
    cx: &mut Context<'_>,
) -> Poll<io::Result<T>> {
    if outcome.is_ready() {
        *stalled = None;
        return outcome;
    }
    let timer = stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
    timer
        .as_mut()
        .poll(cx)
        .map(|()| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

impl<Io: AsyncRead> AsyncRead for GuardedIo<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buffer.filled().len();
        let outcome = this.io.poll_read(cx, buffer);
        if *this.preface != Preface::Decided {
            *this.preface = this.preface.after(&buffer.filled()[before..]);
            this.is_decided
                .store(*this.preface == Preface::Decided, Relaxed);
        }
        outcome
    }
}

impl<Io: AsyncWrite> AsyncWrite for GuardedIo<Io> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        bounded(this.io.poll_write(cx, bytes), this.stalled, *this.stall, cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        let outcome = this.io.poll_write_vectored(cx, slices);
        bounded(outcome, this.stalled, *this.stall, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        bounded(this.io.poll_flush(cx), this.stalled, *this.stall, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }
}
