//! Clocks of the system: wall time for one lookup, a thread's own time for many.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::Failure;

/// Nanoseconds since some moment. The system reads it behind a fence: what was begun before is over.
pub(crate) fn now() -> Result<i64, Failure> {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC)?;
    Ok(time.tv_sec() * 1_000_000_000 + time.tv_nsec())
}

/// Of this thread alone: what else the machine does adds little to it.
pub(crate) fn processor_time() -> Result<Duration, Failure> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
