//! `Expect: 100-continue` (RFC 9110, section 10.1.1): the client's body waits for the upstream's word, so that an
//! upload that the upstream refuses is never sent.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::task::AtomicWaker;
use tokio::time::{Sleep, sleep};

/// How long a body waits for an upstream that says nothing. Servers that do not know the expectation exist, and a client
/// need not wait for ever.
const PATIENCE: Duration = Duration::from_secs(1);

const SHUT: u8 = 0;
const OPEN: u8 = 1;
/// The final answer came first: the body is not wanted.
const ANSWERED: u8 = 2;
/// The answer is over, and the connection with the missing body of no more use.
const GONE: u8 = 3;

/// The gate before a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    word: AtomicU8,
    body: AtomicWaker,
}

impl Gate {
    /// The upstream wants the body.
    pub(super) fn open(&self) {
        self.turn(SHUT, OPEN);
    }

    /// The upstream has answered.
    pub(super) fn answered(&self) {
        self.turn(SHUT, ANSWERED);
    }

    /// The answer is over.
    pub(super) fn gone(&self) {
        self.turn(ANSWERED, GONE);
    }

    fn turn(&self, from: u8, to: u8) {
        if self
            .0
            .word
            .compare_exchange(from, to, SeqCst, SeqCst)
            .is_ok()
        {
            self.0.body.wake();
        }
    }
}

/// A body that waits at a gate.
pub(super) struct Waiting {
    gate: Gate,
    patience: Pin<Box<Sleep>>,
}

/// What a body that waits is told.
pub(super) enum Told {
    Go,
    NotWanted,
}

impl Waiting {
    pub(super) fn at(gate: Gate) -> Self {
        Self {
            gate,
            patience: Box::pin(sleep(PATIENCE)),
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Told> {
        let state = &self.gate.0;
        state.body.register(cx.waker());
        match state.word.load(SeqCst) {
            OPEN => Poll::Ready(Told::Go),
            GONE => Poll::Ready(Told::NotWanted),
            ANSWERED => Poll::Pending,
            _ => self.patience.as_mut().poll(cx).map(|()| Told::Go),
        }
    }
}
