//! Long proofs, run by `cargo xtask soak`.
#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

mod edge;
mod static_stability;
mod visitor;
