//! Doubles of `src/sync.rs`.

use std::{
    cell::{Cell, RefCell},
    sync::{Arc, OnceLock},
};

use loom::{
    sync::{RwLock, atomic},
    thread::JoinHandle,
};
use tenancy_types::TenantId;

pub(crate) use loom::sync::{Mutex, MutexGuard, atomic::Ordering};

/// Rebuilding is always another thread's: that is what is tested.
pub(crate) const ON_THE_SPOT: usize = 0;

thread_local! {
    // Loom's threads are coroutines of one thread of the system.
    static CARELESS: Cell<bool> = const { Cell::new(false) };
    static SPAWNED: RefCell<Vec<JoinHandle<()>>> = const { RefCell::new(Vec::new()) };
}

/// Loom's, which can be told to forget releases: the negative control of every test here.
#[derive(Debug, Default)]
pub(crate) struct AtomicU64(atomic::AtomicU64);

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> Self {
        Self(atomic::AtomicU64::new(value))
    }

    pub(crate) fn load(&self, order: Ordering) -> u64 {
        self.0.load(order)
    }

    pub(crate) fn store(&self, value: u64, order: Ordering) {
        let order = if CARELESS.get() {
            Ordering::Relaxed
        } else {
            order
        };
        self.0.store(value, order);
    }
}

/// Runs a model; `careless` stores are all relaxed.
pub(crate) fn explore(careless: bool, model: impl Fn() + Sync + Send + 'static) {
    CARELESS.set(careless);
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    // Two switches besides those where a thread waits find nearly all that goes wrong, at a price that can be paid.
    builder.preemption_bound = Some(2);
    builder.check(model);
}

/// The value of the moment behind a lock, which is what arc-swap does without one.
pub(crate) struct Current<T>(RwLock<Option<Arc<T>>>);

impl<T> Current<T> {
    pub(crate) fn empty() -> Self {
        Self(RwLock::new(None))
    }

    pub(crate) fn read<R>(&self, read: impl FnOnce(Option<&T>) -> R) -> R {
        let value = self.0.read().unwrap().clone();
        read(value.as_deref())
    }

    pub(crate) fn put(&self, value: Arc<T>) {
        *self.0.write().unwrap() = Some(value);
    }
}

pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> bool {
    let thread = loom::thread::spawn(work);
    SPAWNED.with_borrow_mut(|spawned| spawned.push(thread));
    true
}

/// Waits for what was spawned, and says how many that were.
pub(crate) fn join_spawned() -> usize {
    let spawned = SPAWNED.take();
    let count = spawned.len();
    spawned
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    count
}

/// `PagedWords` with pages of two words, which are made behind a lock.
pub(crate) struct Words {
    making: Mutex<()>,
    pages: Box<[OnceLock<Arc<[AtomicU64; PAGE]>>]>,
}

const PAGE: usize = 2;

impl Words {
    pub(crate) fn with_capacity(tenants: u32) -> Self {
        let pages = (tenants as usize).div_ceil(PAGE);
        Self {
            making: Mutex::new(()),
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
        }
    }

    pub(crate) fn grown(&self, tenants: u32) -> Self {
        let larger = Self::with_capacity(tenants);
        let _making = self.making.lock().unwrap();
        for (page, place) in self.pages.iter().zip(&larger.pages) {
            if let Some(page) = page.get() {
                place.get_or_init(|| Arc::clone(page));
            }
        }
        larger
    }

    pub(crate) fn get_or_grow(&self, tenant: TenantId) -> Option<&AtomicU64> {
        let _making = self.making.lock().unwrap();
        let page = self.pages.get(tenant.index() / PAGE)?;
        Some(&page.get_or_init(Arc::default)[tenant.index() % PAGE])
    }

    pub(crate) fn load(&self, tenant: TenantId, order: Ordering) -> u64 {
        let page = {
            let _making = self.making.lock().unwrap();
            self.pages
                .get(tenant.index() / PAGE)
                .and_then(OnceLock::get)
        };
        page.map_or(0, |page| page[tenant.index() % PAGE].load(order))
    }

    pub(crate) fn capacity(&self) -> usize {
        self.pages.len() * PAGE
    }

    pub(crate) fn memory(&self) -> usize {
        self.pages.len()
    }
}
