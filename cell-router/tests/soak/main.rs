//! Long proofs, run by `cargo xtask soak`.
#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]
#![expect(
    clippy::print_stdout,
    reason = "what a round did, and what a process says to the one that started it"
)]

mod edge;
#[cfg(feature = "handover")]
#[path = "../it/gateway/handover/load.rs"]
mod load;
#[cfg(feature = "handover")]
#[path = "../it/gateway/handover/process.rs"]
mod process;
#[cfg(feature = "handover")]
mod restarts;
mod static_stability;
mod visitor;
