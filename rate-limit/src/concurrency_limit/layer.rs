use std::sync::Arc;

use tenancy_types::ProblemJson;
use tower_layer::Layer;

use super::ConcurrencyLimit;
use crate::{TenantLimits, TenantOf, limits::Books, tenant_of};

/// Caps how many requests of each tenant are in flight, and answers 429 when no place is free.
///
/// The cap is that of the tenant's plan. A refusal is a response with code `rate_limited` and
/// `Retry-After: 1` (nobody knows when a place becomes free); the inner service is not called and its error
/// type stays as it is. The place is free again when the response's body has ended or is dropped.
///
/// It belongs inside the rate limit, so that who is over the rate takes no place, and outside of anything that
/// queues.
///
/// # Examples
/// ```
/// use tenancy_rate_limit::{ConcurrencyLimitLayer, PlanSet, SystemClock, TenantLimits};
/// # let plans = PlanSet::standard();
/// # let (basic, _) = plans.find(&"basic".parse().unwrap()).unwrap();
/// let limits = TenantLimits::new(plans, basic, 10_000, SystemClock)?;
/// let layer = ConcurrencyLimitLayer::new(&limits);
/// # Ok::<(), tenancy_rate_limit::Error>(())
/// ```
/// The tenant comes from another extension:
/// ```
/// use tenancy_rate_limit::{ConcurrencyLimitLayer, PlanSet, SystemClock, TenantId, TenantLimits};
///
/// #[derive(Clone)]
/// struct Shop { tenant: TenantId }
/// # let plans = PlanSet::standard();
/// # let (basic, _) = plans.find(&"basic".parse().unwrap()).unwrap();
/// # let limits = TenantLimits::new(plans, basic, 10_000, SystemClock).unwrap();
///
/// let layer = ConcurrencyLimitLayer::new(&limits)
///     .tenant_of(|extensions| extensions.get::<Shop>().map(|shop| shop.tenant));
/// ```
#[derive(Clone)]
pub struct ConcurrencyLimitLayer<R = ProblemJson> {
    books: Arc<Books>,
    tenant_of: TenantOf,
    respond: R,
}

impl ConcurrencyLimitLayer {
    /// A layer over these limits.
    #[must_use]
    pub fn new<C>(limits: &TenantLimits<C>) -> Self {
        Self {
            books: Arc::clone(limits.books()),
            tenant_of: tenant_of::from_extensions,
            respond: ProblemJson,
        }
    }
}

impl<R> ConcurrencyLimitLayer<R> {
    /// How to find the tenant of a request; without this, the extensions hold its `TenantId`. Requests without
    /// a tenant share the places of one.
    #[must_use]
    pub fn tenant_of(self, tenant_of: TenantOf) -> Self {
        Self { tenant_of, ..self }
    }

    /// What a refusal looks like; without this, [`ProblemJson`].
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> ConcurrencyLimitLayer<R2> {
        ConcurrencyLimitLayer {
            books: self.books,
            tenant_of: self.tenant_of,
            respond,
        }
    }
}

impl<S, R: Clone> Layer<S> for ConcurrencyLimitLayer<R> {
    type Service = ConcurrencyLimit<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        ConcurrencyLimit {
            inner,
            books: Arc::clone(&self.books),
            tenant_of: self.tenant_of,
            respond: self.respond.clone(),
        }
    }
}

impl<R> std::fmt::Debug for ConcurrencyLimitLayer<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConcurrencyLimitLayer")
            .finish_non_exhaustive()
    }
}
