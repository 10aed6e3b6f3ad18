//! The crate's tests, one module per feature.

mod admission;
mod authority;
#[cfg(feature = "axum")]
mod axum_extract;
#[cfg(feature = "http")]
mod middleware;
mod protocol;
mod resolve;
mod routes;
