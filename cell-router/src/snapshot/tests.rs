//! Files that are cut, flipped and lost, and disks that fail at every step.

#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

mod damaged;
mod disk;
mod golden;
mod guards;
mod power;
mod story;
