use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use tenancy_types::TenantId;

use crate::limits::Books;

/// A place among the requests in flight, from [`TenantLimits::try_enter`](crate::TenantLimits::try_enter).
///
/// It is free again when this is dropped, also by a panic or a cancelled future. It cannot be cloned, so a
/// place is never given back twice.
///
/// So it does not go into a request's extensions, which are cloned with the request; it stays in the future of
/// the service and then in the body of the response.
/// ```
/// # fn keep(extensions: &mut http::Extensions, tenant: tenancy_types::TenantId) {
/// extensions.insert(tenant);
/// # }
/// ```
/// ```compile_fail,E0277
/// # fn keep(extensions: &mut http::Extensions, permit: tenancy_rate_limit::Permit) {
/// extensions.insert(permit);
/// # }
/// ```
#[must_use = "the place is free again as soon as the permit is dropped"]
pub struct Permit {
    books: Arc<Books>,
    /// Whose account was charged; `None` for the shared one. A tenant may get its own account while this
    /// lives, so it is not looked up again.
    owner: Option<TenantId>,
}

impl Permit {
    pub(crate) fn take(books: &Arc<Books>, tenant: Option<TenantId>) -> Option<Self> {
        let account = tenant.map_or_else(|| books.shared(), |tenant| books.account(tenant));
        let cap = books.cap(account);
        account
            .words
            .in_flight
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, |inside| {
                (inside < cap).then(|| inside + 1)
            })
            .ok()?;
        Some(Self {
            owner: account.owner,
            books: Arc::clone(books),
        })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // Not 0, because it counts this permit.
        let account = self.books.account_of(self.owner);
        account.words.in_flight.fetch_sub(1, Ordering::Release);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}
