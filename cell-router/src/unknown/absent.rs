use std::{
    hash::{BuildHasher, RandomState},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tenancy_types::Nanos;

use super::RouteKey;

/// 32 KiB. Names enter at the rate of questions, which is small.
const SLOTS: usize = 4_096;

/// Times are kept in these: 32 bits of them are 13 years.
const TICK: u64 = 100_000_000;

/// Names that the directory did not have a moment ago. It does not grow: each name has one place, and a later one
/// takes it.
///
/// A word is a name's tag and when it may be asked for again. Another name is taken for it with a chance of 2^-44,
/// under a hash whose key nobody knows, and is then not asked for until that time.
pub(super) struct AbsentNames {
    keys: RandomState,
    words: Box<[AtomicU64]>,
    ticks: u64,
}

impl AbsentNames {
    pub(super) fn new(remembered: Duration) -> Self {
        let nanos = u64::try_from(remembered.as_nanos()).unwrap_or(u64::MAX);
        Self {
            keys: RandomState::new(),
            words: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(),
            ticks: nanos.div_ceil(TICK),
        }
    }

    pub(super) fn remember(&self, key: &RouteKey, now: Nanos) {
        let (word, tag) = self.place(key);
        let until = (now.get() / TICK + self.ticks) & u64::from(u32::MAX);
        word.store(tag | until, Ordering::Relaxed);
    }

    pub(super) fn contains(&self, key: &RouteKey, now: Nanos) -> bool {
        let (word, tag) = self.place(key);
        let kept = word.load(Ordering::Relaxed);
        let mask = u64::from(u32::MAX);
        kept & !mask == tag && kept & mask > now.get() / TICK
    }

    fn place(&self, key: &RouteKey) -> (&AtomicU64, u64) {
        let hash = self.keys.hash_one(key);
        let slot = usize::try_from(hash % SLOTS as u64).expect("a slot is small");
        (&self.words[slot], hash & !u64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tenancy_types::Nanos;

    use super::{AbsentNames, SLOTS};
    use crate::RouteKey;

    fn key(n: usize) -> RouteKey {
        RouteKey::Slug(format!("shop-{n}").parse().unwrap())
    }

    fn seconds(seconds: u64) -> Nanos {
        Nanos::new(seconds * 1_000_000_000)
    }

    #[test]
    fn a_name_is_remembered_for_its_time() {
        let absent = AbsentNames::new(Duration::from_secs(10));
        assert!(!absent.contains(&key(1), seconds(5)));
        absent.remember(&key(1), seconds(5));
        assert!(absent.contains(&key(1), seconds(14)));
        assert!(!absent.contains(&key(1), seconds(15)));
        assert!(!absent.contains(&key(2), seconds(6)));
    }

    #[test]
    fn many_names_take_no_more_room() {
        let absent = AbsentNames::new(Duration::from_secs(10));
        (0..SLOTS * 4).for_each(|n| absent.remember(&key(n), seconds(1)));
        let kept = (0..SLOTS * 4).filter(|n| absent.contains(&key(*n), seconds(1)));
        let kept = kept.count();
        assert!((SLOTS / 2..=SLOTS).contains(&kept), "{kept}");
        assert_eq!(absent.words.len(), SLOTS);
    }
}
