//! When a replica is asked, and when it is left alone.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tenancy_types::{Clock as _, Nanos, SystemClock};

/// How long a replica that did not answer, or that ended a reader, is not asked.
const REST: Duration = Duration::from_secs(5);

/// Until when a replica rests, if it does.
#[derive(Debug, Default)]
pub(super) struct Rest(Mutex<Option<Nanos>>);

/// Whether to ask a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It rests.
    No,
    /// It is awake.
    Yes,
    /// Its rest is over, and this one finds out whether it answers; until then the others go to the primary.
    First,
}

impl Rest {
    pub(super) fn turn(&self) -> Turn {
        self.turn_at(SystemClock.now())
    }

    fn turn_at(&self, now: Nanos) -> Turn {
        let mut until = self.until();
        match *until {
            None => Turn::Yes,
            Some(it) if now < it => Turn::No,
            Some(_) => {
                *until = Some(now.after(REST));
                Turn::First
            }
        }
    }

    pub(super) fn begin(&self) {
        *self.until() = Some(SystemClock.now().after(REST));
    }

    /// After the answer to whoever had this turn. Who was asked before the rest began, does not end it.
    pub(super) fn end(&self, turn: Turn) {
        if turn == Turn::First {
            *self.until() = None;
        }
    }

    /// Lets somebody else have this turn, who is asked instead.
    pub(super) fn pass(&self, turn: Turn) {
        if turn == Turn::First {
            *self.until() = Some(SystemClock.now());
        }
    }

    fn until(&self) -> MutexGuard<'_, Option<Nanos>> {
        // It is always whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_rest_one_asks_and_the_others_when_it_was_answered() {
        let rest = Rest::default();
        let now = SystemClock.now();
        assert_eq!(rest.turn_at(now), Turn::Yes);
        rest.begin();
        assert_eq!(rest.turn_at(now), Turn::No);
        // Somebody who was asked before.
        rest.end(Turn::Yes);
        assert_eq!(rest.turn_at(now), Turn::No);
        let later = now.after(REST).after(REST);
        assert_eq!(rest.turn_at(later), Turn::First);
        assert_eq!(rest.turn_at(later), Turn::No);
        // It was not answered: somebody else tries later.
        let later = later.after(REST);
        assert_eq!(rest.turn_at(later), Turn::First);
        rest.end(Turn::First);
        assert_eq!(rest.turn_at(later), Turn::Yes);
        // Whoever did not ask leaves the question to the next.
        rest.begin();
        let later = SystemClock.now().after(REST);
        assert_eq!(rest.turn_at(later), Turn::First);
        rest.pass(Turn::First);
        assert_eq!(rest.turn_at(later), Turn::First);
    }
}
