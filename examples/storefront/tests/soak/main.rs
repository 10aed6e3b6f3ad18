//! Long proofs, run by `cargo xtask soak`. Each run is one round; `SOAK_SEED` and `SOAK_ROUND` decide it.
#![expect(
    clippy::unwrap_used,
    reason = "a test that goes wrong panics where it does"
)]

#[path = "../it/e2e/http.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod http;
mod kill9;
#[path = "../it/e2e/platform.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod platform;
