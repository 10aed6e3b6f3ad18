//! Bounds on what clients send. Heads are bounded by the server ([`ServerLimits`](super::ServerLimits)), targets by the
//! edge ([`EdgeLayer::with_longest_target`](super::EdgeLayer::with_longest_target)), bodies here.

mod body;
mod layer;

pub(super) use body::BodyBound;
pub use body::LimitedBody;
pub use layer::{BodyLimit, BodyLimitFuture, BodyLimitLayer};
