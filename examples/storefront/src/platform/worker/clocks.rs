//! Whether the wall clock can be believed, before something is deleted because it is old.
//!
//! The wall clock may be set, the monotonic one may not. As long as both go at the same pace, the wall clock is
//! believed. When it jumps, forwards or back, it is doubted: until it is where it should be, or for a day after
//! its last jump, in which an operator can look. A restart believes it again.

use std::time::Duration;

use tenancy_types::{Nanos, UnixMicros};

/// How far apart the clocks may go between two looks.
const TOLERANCE_MICROS: i64 = 60 * 1_000_000;

/// How long the clocks must agree after a jump until the wall clock is believed where it is now.
const DOUBTED: Duration = Duration::from_hours(24);

/// What is known of the clocks. Distances are those of the wall clock's microseconds from the monotonic ones'.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// The distance that is believed.
    believed: i64,
    /// The distance at the last look.
    last: i64,
    /// When the wall clock jumped last, since it is doubted.
    jumped: Option<Nanos>,
}

/// What a look at the clocks says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The wall clock is believed.
    Believed,
    /// It has jumped since the last look, by so many seconds.
    Jumped {
        /// Negative when it went back.
        seconds: i64,
    },
    /// It jumped before, and is doubted still.
    Doubted,
}

impl Clocks {
    /// Both clocks at one moment, the first of which something is known.
    pub(super) fn new(wall: UnixMicros, monotonic: Nanos) -> Self {
        let distance = distance(wall, monotonic);
        Self {
            believed: distance,
            last: distance,
            jumped: None,
        }
    }

    /// Looks at both clocks again.
    pub(super) fn look(&mut self, wall: UnixMicros, monotonic: Nanos) -> Look {
        let distance = distance(wall, monotonic);
        let step = distance.saturating_sub(self.last);
        self.last = distance;
        if is_small(distance.saturating_sub(self.believed)) {
            self.believe(distance);
            return Look::Believed;
        }
        match self.jumped {
            Some(jumped) if is_small(step) => {
                if monotonic.since(jumped) < DOUBTED {
                    return Look::Doubted;
                }
                self.believe(distance);
                Look::Believed
            }
            _ => {
                self.jumped = Some(monotonic);
                Look::Jumped {
                    seconds: step / 1_000_000,
                }
            }
        }
    }

    fn believe(&mut self, distance: i64) {
        self.believed = distance;
        self.jumped = None;
    }
}

fn distance(wall: UnixMicros, monotonic: Nanos) -> i64 {
    let monotonic = i64::try_from(monotonic.get() / 1_000).unwrap_or(i64::MAX);
    wall.get().saturating_sub(monotonic)
}

const fn is_small(difference: i64) -> bool {
    difference.unsigned_abs() <= TOLERANCE_MICROS.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::{Clocks, Look};
    use tenancy_types::{Nanos, UnixMicros};

    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const YEAR: i64 = 365 * 24 * HOUR;

    /// Looks at seconds of the monotonic clock, at which the wall clock is so many seconds ahead.
    #[track_caller]
    fn check(looks: &[(i64, i64, Look)]) {
        let at = |seconds: i64, ahead: i64| {
            let monotonic = Nanos::new(u64::try_from(seconds).unwrap() * 1_000_000_000);
            let wall = UnixMicros::new((1_800_000_000 + seconds + ahead) * 1_000_000);
            (wall, monotonic)
        };
        let (wall, monotonic) = at(0, 0);
        let mut clocks = Clocks::new(wall, monotonic);
        for &(seconds, ahead, expect) in looks {
            let (wall, monotonic) = at(seconds, ahead);
            let look = clocks.look(wall, monotonic);
            assert_eq!(look, expect, "after {seconds} s, {ahead} s ahead");
        }
    }

    #[test]
    fn a_clock_that_is_corrected_a_little_is_believed() {
        check(&[
            (5, 0, Look::Believed),
            (10, 59, Look::Believed),
            (15, 100, Look::Believed),
            (10 * HOUR, 60, Look::Believed),
        ]);
    }

    #[test]
    fn a_clock_that_jumps_is_doubted_until_it_is_back() {
        check(&[
            (5, YEAR, Look::Jumped { seconds: YEAR }),
            (10, YEAR, Look::Doubted),
            (12 * HOUR, YEAR, Look::Doubted),
            (13 * HOUR, 0, Look::Believed),
            (14 * HOUR, -HOUR, Look::Jumped { seconds: -HOUR }),
        ]);
    }

    #[test]
    fn a_clock_that_stays_where_it_jumped_is_believed_after_a_day() {
        check(&[
            (5, YEAR, Look::Jumped { seconds: YEAR }),
            (23 * HOUR, YEAR, Look::Doubted),
            (23 * HOUR + 5, 2 * YEAR, Look::Jumped { seconds: YEAR }),
            (25 * HOUR, 2 * YEAR, Look::Doubted),
            (47 * HOUR + 4, 2 * YEAR, Look::Doubted),
            (47 * HOUR + 5, 2 * YEAR, Look::Believed),
            (48 * HOUR, 2 * YEAR + 1, Look::Believed),
        ]);
    }
}
