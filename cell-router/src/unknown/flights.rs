use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures_util::future::{BoxFuture, Shared, WeakShared};

use super::{RouteKey, Verdict};

/// One question on its way, and all who wait for its answer. It goes on as long as anybody does.
pub(super) type Flight = Shared<BoxFuture<'static, Verdict>>;

/// The questions on their way, at most so many.
pub(super) struct Flights {
    most: usize,
    under_way: Mutex<HashMap<RouteKey, WeakShared<BoxFuture<'static, Verdict>>>>,
}

/// How a question can be asked.
pub(super) enum Boarding {
    /// It is on its way already.
    Joined(Flight),
    /// It set out now.
    Started(Flight),
    /// There are too many, or the caller would not let it start.
    Refused,
}

impl Flights {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            under_way: Mutex::default(),
        }
    }

    /// Joins the question about this key, or starts it if there is room and `start` makes one.
    pub(super) fn board(&self, key: &RouteKey, start: impl FnOnce() -> Option<Flight>) -> Boarding {
        let mut under_way = self.lock();
        if let Some(flight) = under_way.get(key).and_then(WeakShared::upgrade) {
            return Boarding::Joined(flight);
        }
        if under_way.len() >= self.most {
            // Those that everybody has stopped waiting for left no other trace.
            under_way.retain(|_, flight| flight.upgrade().is_some());
        }
        if under_way.len() >= self.most {
            return Boarding::Refused;
        }
        let Some(flight) = start() else {
            return Boarding::Refused;
        };
        if let Some(weak) = flight.downgrade() {
            under_way.insert(key.clone(), weak);
        }
        Boarding::Started(flight)
    }

    /// The question has its answer.
    pub(super) fn land(&self, key: &RouteKey) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RouteKey, WeakShared<BoxFuture<'static, Verdict>>>> {
        // Nothing is done in halves while it is held.
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
