//! The private servers start, serve, and are gone afterwards, however the test ends.
#![expect(
    clippy::unwrap_used,
    reason = "in tests a panic with its backtrace is what we want"
)]

mod browser;
mod clean_up;
mod client;
mod kept;
mod missing;
mod pgbouncer;
mod postgres;
mod proxy;
mod redis;
mod replica;
mod restart;
mod template;
