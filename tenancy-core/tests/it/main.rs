//! The crate's tests, one module per feature.
#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

mod admission;
mod authority;
#[cfg(feature = "axum")]
mod axum_extract;
#[cfg(feature = "portable")]
mod checked_queries;
#[cfg(feature = "portable")]
mod db;
#[cfg(all(feature = "sqlite", feature = "test-util"))]
mod directory;
#[cfg(all(feature = "cli", feature = "test-util"))]
mod guides;
#[cfg(feature = "hop")]
mod hop;
#[cfg(feature = "postgres")]
mod isolation;
mod manifest;
#[cfg(feature = "http")]
mod middleware;
mod ownership;
mod ownership_model;
#[cfg(feature = "postgres")]
mod patience;
mod protocol;
mod protocol_model;
mod purge_model;
mod reads_model;
mod resolve;
mod routes;
#[cfg(all(feature = "axum", feature = "portable", feature = "test-util"))]
mod testing;
