//! Tests of schemas, journals and provisioning.
#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

mod interrupt;
mod journals;
mod pending;
mod phases;
mod provisioning;
mod upgrades;
mod world;
