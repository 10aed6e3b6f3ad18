//! Answers made smaller on their way to clients. The work is `tower_http`'s; here stands what a gateway must not do.

mod layer;
mod rules;
mod service;

pub use layer::CompressionLayer;
pub use service::{CompressedBody, Compression, CompressionFuture};
