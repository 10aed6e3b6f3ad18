use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tenancy_migrate::RequestKey;
use tenancy_types::UnixMicros;

/// The longest that a purge waits until it is tried again.
const LONGEST: Duration = Duration::from_mins(10);

/// When the purges that could not be finished are tried again. One that fails waits twice as long each time, so that
/// those that can be finished have the turn.
#[derive(Debug, Default)]
pub(in crate::platform) struct Waits(Mutex<HashMap<RequestKey, Wait>>);

#[derive(Clone, Copy, Debug)]
struct Wait {
    time: Duration,
    since: UnixMicros,
}

impl Waits {
    /// Whether a purge is not to be tried at this moment.
    pub(super) fn has(&self, key: &RequestKey, now: UnixMicros) -> bool {
        let waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits.get(key).is_some_and(|wait| wait.lasts(now))
    }

    /// A purge was tried at this moment, in vain; the first time it waits for `rest`.
    pub(super) fn failed(&self, key: &RequestKey, now: UnixMicros, rest: Duration) {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = waits.get(key);
        let time = before.map_or(rest, |wait| wait.time.saturating_mul(2).min(LONGEST));
        waits.insert(key.clone(), Wait { time, since: now });
    }

    /// Forgets all but these, which are unfinished.
    pub(super) fn keep(&self, unfinished: &[RequestKey]) {
        let mut waits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waits.retain(|key, _| unfinished.contains(key));
    }
}

impl Wait {
    /// A clock that was put back ends it.
    fn lasts(&self, now: UnixMicros) -> bool {
        let waited = u64::try_from(now.get().saturating_sub(self.since.get()));
        waited.is_ok_and(|micros| Duration::from_micros(micros) < self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: Duration = Duration::from_secs(5);

    fn at(seconds: i64) -> UnixMicros {
        UnixMicros::new(seconds * 1_000_000)
    }

    fn key(text: &str) -> RequestKey {
        text.parse().unwrap()
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_the_longest() {
        let (waits, key) = (Waits::default(), key("purge-1-0.6"));
        assert!(!waits.has(&key, at(0)));
        let mut now = 0;
        for wait in [5, 10, 20, 40, 80, 160, 320, 600, 600] {
            waits.failed(&key, at(now), REST);
            assert!(waits.has(&key, at(now)));
            assert!(waits.has(&key, at(now + wait - 1)), "{wait} s");
            now += wait;
            assert!(!waits.has(&key, at(now)), "{wait} s");
        }
    }

    #[test]
    fn a_clock_that_is_put_back_ends_the_wait() {
        let (waits, key) = (Waits::default(), key("purge-1-0.6"));
        waits.failed(&key, at(100), REST);
        assert!(!waits.has(&key, at(99)));
    }

    #[test]
    fn what_is_finished_is_forgotten_and_others_wait_for_themselves() {
        let (waits, [first, second]) = (Waits::default(), ["purge-1-0.6", "purge-2-0.6"].map(key));
        waits.failed(&first, at(0), REST);
        assert!(!waits.has(&second, at(0)));
        waits.failed(&second, at(0), REST);
        waits.keep(std::slice::from_ref(&second));
        assert!(!waits.has(&first, at(0)));
        assert!(waits.has(&second, at(0)));
    }
}
