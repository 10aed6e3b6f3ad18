/// Whether a [`Server`](super::Server) goes on serving. It only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Serve.
    Not,
    /// Take no new connection, and finish what is in flight.
    Drain,
    /// Finish nothing.
    Now,
}
