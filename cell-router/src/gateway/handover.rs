//! A restart that loses no connection: the next process gets the listening sockets of the one that runs.
//!
//! A connection that the kernel has accepted waits in the queue of the *socket*. A second socket on the same address
//! (`SO_REUSEPORT`) has a queue of its own, so closing the first resets what waits in its queue. Passing the very socket on
//! (`SCM_RIGHTS`, unix(7)) keeps the queue: between the last `accept` of the one process and the first of the other,
//! connections wait, and none is refused.
//!
//! ```text
//!  runs: Offer                    starts: Handover::take_over
//!    |  <---- hello, version ----------- |
//!    |  ----- sockets (SCM_RIGHTS) ----> |     opens its databases, fills its tables; accepts nothing yet
//!    |  <---- ready -------------------- |     Takeover::complete
//!    |  ----- granted -----------------> |     accepts
//!  drains                              runs: Offer
//! ```
//!
//! Among the sockets is the one of this conversation itself. So its path leads to somebody who runs at every moment; of
//! two processes that start at once the second waits in its queue, and takes over from the first. A process that ends
//! before it is ready leaves everything as it was. When the one that runs ends in the middle of the conversation, the
//! other has the sockets, and with them all who wait in their queues.

mod error;
mod link;
mod offer;
mod takeover;
mod wire;

pub use error::HandoverError;
pub use offer::Offer;
pub use takeover::{Handover, Takeover};
