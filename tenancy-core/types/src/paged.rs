use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::TenantId;

const PAGE_BITS: u32 = 12;
const PAGE: usize = 1 << PAGE_BITS;

/// Something per tenant, in pages that appear when first needed: lock-free to read and to grow.
///
/// Tenant ids are dense, so this is an array: no hashing, the size of a `T` for each tenant plus 16 bytes for
/// each page of 4,096 tenants of capacity. Safe Rust: a page is a `OnceLock`, so two threads that grow the same
/// page at once keep one of the two.
///
/// What is read together belongs into one `T`, which then costs one cache miss.
pub struct Paged<T> {
    pages: Box<[OnceLock<Arc<[T; PAGE]>>]>,
}

/// A word per tenant; those of absent pages read as 0.
///
/// ```
/// use std::sync::atomic::Ordering;
/// use tenancy_types::{PagedWords, TenantId};
///
/// let words = PagedWords::with_capacity(10_000);
/// let tenant = TenantId::new(42).unwrap();
/// assert!(words.get(tenant).is_none());
/// words.get_or_grow(tenant).unwrap().store(7, Ordering::Relaxed);
/// assert_eq!(words.load(tenant, Ordering::Relaxed), 7);
/// ```
pub type PagedWords = Paged<AtomicU64>;

impl<T: Default> Paged<T> {
    /// Room for ids up to `tenants`, rounded up to a whole page. Nothing but the page directory is
    /// allocated.
    #[must_use]
    pub fn with_capacity(tenants: u32) -> Self {
        let pages = (tenants as usize).div_ceil(PAGE);
        Self {
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The same with room for ids up to `tenants`, for when the capacity turns out too small: both share the pages that
    /// exist, and what is stored through one is seen through the other. A page that is made afterwards belongs to the
    /// one it was made through.
    #[must_use]
    pub fn grown(&self, tenants: u32) -> Self {
        let larger = Self::with_capacity(tenants);
        let present = self.pages.iter().zip(&larger.pages);
        for (page, place) in present.filter_map(|(page, place)| Some((page.get()?, place))) {
            place.get_or_init(|| Arc::clone(page));
        }
        larger
    }

    /// What belongs to the tenant, making its page of defaults if need be; `None` beyond the capacity.
    pub fn get_or_grow(&self, tenant: TenantId) -> Option<&T> {
        let index = tenant.index();
        let page = self.pages.get(index >> PAGE_BITS)?.get_or_init(new_page);
        Some(&page[index & (PAGE - 1)])
    }
}

/// Made in its place: a page is too large for the stack.
fn new_page<T: Default>() -> Arc<[T; PAGE]> {
    let page: Arc<[T]> = (0..PAGE).map(|_| T::default()).collect();
    match page.try_into() {
        Ok(page) => page,
        Err(_) => unreachable!("it was made of so many"),
    }
}

impl<T> Paged<T> {
    /// How many tenants fit: ids 1 to this number.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.pages.len() * PAGE
    }

    /// What belongs to the tenant, if its page exists. Two dependent loads; never allocates.
    #[inline]
    #[must_use]
    pub fn get(&self, tenant: TenantId) -> Option<&T> {
        let index = tenant.index();
        self.pages
            .get(index >> PAGE_BITS)?
            .get()
            .map(|page| &page[index & (PAGE - 1)])
    }

    /// Bytes in use: the page directory and the pages that exist.
    #[must_use]
    pub fn memory(&self) -> usize {
        let pages = self
            .pages
            .iter()
            .filter(|page| page.get().is_some())
            .count();
        size_of_val(&*self.pages) + pages * PAGE * size_of::<T>()
    }
}

impl PagedWords {
    /// The tenant's value, 0 when it was never stored.
    #[inline]
    #[must_use]
    pub fn load(&self, tenant: TenantId, order: Ordering) -> u64 {
        self.get(tenant).map_or(0, |word| word.load(order))
    }
}

impl<T> fmt::Debug for Paged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paged")
            .field("capacity", &self.capacity())
            .field("memory", &self.memory())
            .finish()
    }
}
