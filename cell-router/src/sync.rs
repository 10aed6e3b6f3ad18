//! What the readers of a table share with its writer.
//!
//! The table uses only these names, so that `tests/loom` can put doubles in their place and try every interleaving:
//! loom knows neither `OnceLock` nor arc-swap.

use std::{sync::Arc, thread};

use arc_swap::ArcSwapOption;

pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, Ordering},
};
/// A word per tenant.
pub(crate) use tenancy_types::PagedWords as Words;

/// Up to this many lines a table is rebuilt on the spot: that takes less time than starting a thread.
pub(crate) const ON_THE_SPOT: usize = 256;

/// The value of the moment. Readers neither wait nor write to memory that they share.
pub(crate) struct Current<T>(ArcSwapOption<T>);

impl<T> Current<T> {
    pub(crate) fn empty() -> Self {
        Self(ArcSwapOption::empty())
    }

    /// Reads one value, whatever is put in its place meanwhile.
    #[inline]
    pub(crate) fn read<R>(&self, read: impl FnOnce(Option<&T>) -> R) -> R {
        read(self.0.load().as_deref())
    }

    /// Puts another in its place. Whoever still reads the old one holds it by then.
    pub(crate) fn put(&self, value: Arc<T>) {
        self.0.store(Some(value));
    }
}

/// Does it on another thread; whether that could be started.
pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> bool {
    let thread = thread::Builder::new().name("route-table".to_owned());
    thread.spawn(work).is_ok()
}
