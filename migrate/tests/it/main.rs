//! Tests of schemas, journals, workflows and archives.
#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

mod archives;
mod cells;
mod damaged;
mod interrupt;
mod journals;
mod pending;
mod phases;
mod provisioning;
mod upgrades;
mod world;
