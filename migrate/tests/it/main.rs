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
mod purge_phases;
mod purge_world;
mod purges;
mod purges_of_cells;
mod upgrades;
mod world;
