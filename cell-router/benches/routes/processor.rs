//! A thread's own time, for many lookups.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

use crate::Failure;

/// Of this thread alone: what else the machine does adds little to it.
pub(crate) fn processor_time() -> Result<Duration, Failure> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}
