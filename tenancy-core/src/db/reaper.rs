//! Ends transactions at their maximum age: one task for a cell, however many there are.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tenancy_types::{Clock as _, Nanos, SystemClock};
use tokio::task::AbortHandle;

/// What can be ended from outside.
pub(super) trait Expire: Send + Sync {
    fn expire(&self);
}

/// Looks after the open transactions of a cell.
///
/// Its task sleeps until the first of them is due, and never longer than the shortest age that one may reach:
/// so whoever begins meanwhile is not due before it wakes, and has nobody to wake. It ends when there is
/// nothing to look after, and the next transaction starts it again.
#[derive(Clone)]
pub struct Reaper(Arc<Shared>);

struct Shared {
    shortest: Duration,
    watched: Mutex<Watched>,
}

/// In the order of their deadlines. The number tells apart those of one moment.
type Key = (Nanos, u64);

struct Watched {
    next: u64,
    by_deadline: BTreeMap<Key, Weak<dyn Expire>>,
    task: Option<AbortHandle>,
}

/// A transaction that is looked after until this is dropped.
pub(super) struct Watch {
    reaper: Reaper,
    key: Key,
}

impl Reaper {
    /// For transactions none of which has a maximum age below `shortest`.
    pub(super) fn new(shortest: Duration) -> Self {
        Self(Arc::new(Shared {
            // A task that never sleeps would keep a processor busy.
            shortest: shortest.max(Duration::from_millis(1)),
            watched: Mutex::new(Watched {
                next: 0,
                by_deadline: BTreeMap::new(),
                task: None,
            }),
        }))
    }

    /// Ends `target` when it is that old.
    pub(super) fn watch(&self, age: Duration, target: Weak<dyn Expire>) -> Watch {
        let deadline = SystemClock.now().after(age);
        let mut watched = self.0.watched();
        watched.next += 1;
        let key = (deadline, watched.next);
        watched.by_deadline.insert(key, target);
        // The runtime that it ran in may be gone, and the cell in use in another.
        if watched.task.as_ref().is_none_or(AbortHandle::is_finished) {
            let reaping = tokio::spawn(reap(Arc::clone(&self.0)));
            watched.task = Some(reaping.abort_handle());
        }
        Watch {
            reaper: self.clone(),
            key,
        }
    }
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, Watched> {
        // Nothing is computed while it is locked that could leave it half changed.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn reap(shared: Arc<Shared>) {
    loop {
        let now = SystemClock.now();
        let (due, nap) = shared.watched().due(now, shared.shortest);
        for target in due.iter().filter_map(Weak::upgrade) {
            target.expire();
        }
        match nap {
            Some(nap) => tokio::time::sleep(nap).await,
            None => return,
        }
    }
}

impl Watched {
    /// Who is due, and how long the task then sleeps; without anybody left it ends.
    fn due(&mut self, now: Nanos, shortest: Duration) -> (Vec<Weak<dyn Expire>>, Option<Duration>) {
        let later = self.by_deadline.split_off(&(now, u64::MAX));
        let due = std::mem::replace(&mut self.by_deadline, later);
        let next = self.by_deadline.first_key_value();
        let nap = next.map(|(&(deadline, _), _)| deadline.since(now).min(shortest));
        if nap.is_none() {
            self.task = None;
        }
        (due.into_values().collect(), nap)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let target = self.reaper.0.watched().by_deadline.remove(&self.key);
        // Outside the lock: it may be what holds the last memory of a transaction.
        drop(target);
    }
}

impl fmt::Debug for Reaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watched = self.0.watched().by_deadline.len();
        f.debug_struct("Reaper")
            .field("shortest", &self.0.shortest)
            .field("watched", &watched)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Target(AtomicBool);

    impl Expire for Target {
        fn expire(&self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn watched(deadlines: &[u64]) -> Watched {
        let target: Weak<dyn Expire> = Weak::<Target>::new();
        let by_deadline = (0..)
            .zip(deadlines)
            .map(|(number, &deadline)| ((Nanos::new(deadline), number), target.clone()));
        Watched {
            next: deadlines.len() as u64,
            by_deadline: by_deadline.collect(),
            task: None,
        }
    }

    #[tokio::test]
    async fn who_is_too_old_is_ended_and_who_was_done_before_is_not() {
        let reaper = Reaper::new(Duration::from_millis(5));
        let (old, done) = (Arc::new(Target::default()), Arc::new(Target::default()));
        let weak = |target: &Arc<Target>| -> Weak<dyn Expire> {
            let weak: Weak<Target> = Arc::downgrade(target);
            weak
        };
        let watch = reaper.watch(Duration::from_millis(5), weak(&old));
        drop(reaper.watch(Duration::from_millis(5), weak(&done)));
        until_ended(&old).await;
        drop(watch);
        assert!(!done.0.load(Ordering::Relaxed));
        // Its task has ended, or will; the next one to be looked after has one again.
        let next = Arc::new(Target::default());
        let _watch = reaper.watch(Duration::from_millis(5), weak(&next));
        until_ended(&next).await;
    }

    async fn until_ended(target: &Target) {
        let looking = async {
            while !target.0.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), looking)
            .await
            .expect("nobody ends it");
    }

    proptest! {
        /// Exactly those are due whose deadline has come; it wakes for the next, and before anybody who may
        /// begin meanwhile is due.
        #[test]
        fn nobody_is_late(
            deadlines in proptest::collection::vec(0..1_000_u64, 0..20),
            now in 0..1_000_u64,
            shortest in 1..500_u64,
        ) {
            let mut watched = watched(&deadlines);
            let (due, nap) = watched.due(Nanos::new(now), Duration::from_nanos(shortest));
            let later: Vec<u64> = deadlines.iter().copied().filter(|deadline| *deadline > now).collect();
            prop_assert_eq!(due.len(), deadlines.len() - later.len());
            let first = later.iter().min().map(|first| Duration::from_nanos((first - now).min(shortest)));
            prop_assert_eq!(nap, first);
        }
    }
}
