//! Tests of the crate's public face, one module per feature.
#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

mod alone;
mod concurrency_layer;
mod errors;
mod gcra;
mod limits;
#[cfg(feature = "metrics")]
mod metrics;
mod permits;
mod rate_layer;
mod support;
mod threads;
