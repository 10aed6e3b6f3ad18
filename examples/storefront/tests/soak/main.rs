//! Long proofs, run by `cargo xtask soak`. Each run is one round; `SOAK_SEED` and `SOAK_ROUND` decide it.
#![expect(
    clippy::unwrap_used,
    reason = "a test that goes wrong panics where it does"
)]

#[path = "../it/e2e/books.rs"]
mod books;
#[path = "../it/e2e/buyers.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod buyers;
mod checkout;
#[path = "../it/e2e/http.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod http;
mod kill9;
#[path = "../it/e2e/platform.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod platform;

/// A number that decides a round.
fn setting(name: &str) -> u64 {
    let value = std::env::var(name).unwrap_or_else(|_| "0".to_owned());
    value
        .parse()
        .unwrap_or_else(|error| panic!("{name}={value}: {error}"))
}
