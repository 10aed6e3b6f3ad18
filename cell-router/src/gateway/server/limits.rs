use std::time::Duration;

/// What hyper takes without being told.
pub(super) const HYPERS_FIELDS: u16 = 100;

/// The bounds of a [`Server`](super::Server). `docs/operations/gateway.md` says what a client meets at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// The most connections at one time, upgraded ones included: 10,000. More wait in the kernel's queue.
    pub connections: u32,
    /// For a connection to open (a TLS handshake), for its first request's head, and for every further one, the
    /// silence between requests included: 15 s.
    pub head: Duration,
    /// Without a byte that the client takes although there are some for it: 60 s. Then the connection is cut.
    pub stall: Duration,
    /// After this silence an HTTP/2 connection is asked for a sign of life, for which as long is waited: 5 s.
    pub ping: Duration,
    /// The largest head of a request, in bytes: 64 KiB, at least 8 KiB. A larger one is answered with 431.
    pub head_bytes: u32,
    /// The most fields of a request: 100, hyper's own bound, which costs nothing; another one costs an allocation a
    /// request. More are answered with 431. HTTP/2 counts bytes only.
    pub fields: u16,
    /// The most requests at a time on one HTTP/2 connection: 200.
    pub streams: u32,
    /// For idle HTTP/1 connections to bring one more request once the server stops, which is answered with
    /// `Connection: close`: 1 s. A client that sends its request at the very moment of the stop would else meet a closed
    /// connection. It is a part of [`drain`](Self::drain).
    pub linger: Duration,
    /// For requests in flight to finish once the server stops: 30 s.
    pub drain: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            head: Duration::from_secs(15),
            stall: Duration::from_secs(60),
            ping: Duration::from_secs(5),
            head_bytes: 64 * 1024,
            fields: HYPERS_FIELDS,
            streams: 200,
            linger: Duration::from_secs(1),
            drain: Duration::from_secs(30),
        }
    }
}
