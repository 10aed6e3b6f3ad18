//! Files that are cut, flipped and lost, and disks that fail at every step.

#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

mod damaged;
mod disk;
mod ended;
#[cfg(feature = "peer")]
pub(crate) mod forge;
mod forgotten;
mod golden;
mod guards;
#[cfg(feature = "peer")]
mod hostile;
mod power;
mod story;
