//! When patience ends. Pure: whoever waits says what time it is.

use std::time::{Duration, Instant};

/// How long a [`Proxy`](super::Proxy) waits. `docs/operations/gateway.md` has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection to an upstream is made, its name resolved: 2 s.
    pub connect: Duration,
    /// From the end of the request to the head of the answer: 30 s.
    pub head: Duration,
    /// Without a byte in either direction, of bodies and of upgraded connections: 60 s.
    pub idle: Duration,
    /// From the request's head to the end of the answer: without bound, for answers may be streams. An upgraded
    /// connection has no such bound.
    pub total: Option<Duration>,
    /// How long a connection is kept for the next request: 10 s. Less than the upstream keeps it, or requests meet
    /// connections that are being closed.
    pub pooled: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(2),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            total: None,
            pooled: Duration::from_secs(10),
        }
    }
}

/// Who took too long, and at what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Expired {
    /// No connection to the upstream was made in time.
    #[error("the upstream took no connection in time")]
    Connect,
    /// The upstream had the whole request, and did not begin to answer.
    #[error("the upstream did not begin to answer in time")]
    Head,
    /// No byte in either direction, and the upstream was to act.
    #[error("no byte came or went for too long")]
    Idle,
    /// No byte in either direction, and the client was to send.
    #[error("the client sent nothing for too long")]
    Client,
    /// The whole took too long.
    #[error("the request took too long as a whole")]
    Total,
}

/// How far a request's body has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sending {
    /// The last byte of it was passed on then.
    Done(Instant),
    /// Something was passed on then, and the client is to send more.
    Client(Instant),
    /// Something was passed on then, and the upstream is to take more.
    Upstream(Instant),
}

impl Timeouts {
    /// When an exchange that began then ends without an answer's head, and why.
    pub(super) fn head_due(&self, began: Instant, sending: Sending) -> (Instant, Expired) {
        let due = match sending {
            Sending::Done(at) => (at + self.head, Expired::Head),
            Sending::Client(at) => (at + self.idle, Expired::Client),
            Sending::Upstream(at) => (at + self.idle, Expired::Idle),
        };
        self.bounded(began, due)
    }

    /// When an answer on its way breaks off, if the last byte in any direction went then.
    pub(super) fn body_due(&self, began: Instant, last: Instant) -> (Instant, Expired) {
        self.bounded(began, (last + self.idle, Expired::Idle))
    }

    fn bounded(&self, began: Instant, due: (Instant, Expired)) -> (Instant, Expired) {
        match self.total.map(|total| began + total) {
            Some(end) if end < due.0 => (end, Expired::Total),
            _ => due,
        }
    }
}
