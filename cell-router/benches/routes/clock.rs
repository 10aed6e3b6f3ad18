//! The system's wall clock, for one lookup.

use nix::time::{ClockId, clock_gettime};

use crate::Failure;

/// Nanoseconds since some moment. The system reads it behind a fence: what was begun before is over.
pub(crate) fn now() -> Result<i64, Failure> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(time.tv_sec() * 1_000_000_000 + time.tv_nsec())
}
