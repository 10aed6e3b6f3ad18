//! Which fields travel on, and which end here. Pure.

pub(super) mod forwarded;
pub(super) mod hop_by_hop;
pub(super) mod max_forwards;
mod via;

pub use via::{InvalidPseudonym, Pseudonym};
