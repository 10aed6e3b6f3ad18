use tenancy_types::{ProblemJson, SystemClock};
use tower_layer::Layer;

use super::RateLimit;
use crate::{TenantLimits, TenantOf, tenant_of};

/// Takes one unit from the bucket of each request's tenant, and answers 429 when there is none.
///
/// A refusal is a response with code `rate_limited` and `Retry-After`; the inner service is not called and its
/// error type stays as it is. Every answer tells in the `RateLimit` and `RateLimit-Policy` fields where the
/// tenant stands (draft-ietf-httpapi-ratelimit-headers-11).
///
/// It belongs after whatever finds out the tenant, and before everything that costs something.
///
/// # Examples
/// The tenant's id is in the request's extensions, refusals are `application/problem+json`:
/// ```
/// use tenancy_rate_limit::{PlanSet, RateLimitLayer, SystemClock, TenantLimits};
/// # let plans = PlanSet::standard();
/// # let (basic, _) = plans.find(&"basic".parse().unwrap()).unwrap();
/// let limits = TenantLimits::new(plans, basic, 10_000, SystemClock)?;
/// let layer = RateLimitLayer::new(limits.clone());
/// # Ok::<(), tenancy_rate_limit::Error>(())
/// ```
/// The tenant comes from another extension, and refusals look like the rest of the application:
/// ```
/// use http::{HeaderMap, Response, StatusCode};
/// use tenancy_rate_limit::{PlanSet, Problem, RateLimitLayer, Respond, SystemClock, TenantId, TenantLimits};
///
/// #[derive(Clone)]
/// struct Shop { tenant: TenantId }
///
/// #[derive(Clone)]
/// struct PlainText;
///
/// impl Respond<String> for PlainText {
///     fn respond(&self, problem: &dyn Problem, _: &HeaderMap) -> Response<String> {
///         let mut response = Response::new(problem.client_text().into());
///         *response.status_mut() = StatusCode::from_u16(problem.kind().http_status()).unwrap();
///         response
///     }
/// }
/// # let plans = PlanSet::standard();
/// # let (basic, _) = plans.find(&"basic".parse().unwrap()).unwrap();
/// # let limits = TenantLimits::new(plans, basic, 10_000, SystemClock).unwrap();
///
/// let layer = RateLimitLayer::new(limits)
///     .tenant_of(|extensions| extensions.get::<Shop>().map(|shop| shop.tenant))
///     .respond_with(PlainText);
/// ```
#[derive(Clone, Debug)]
pub struct RateLimitLayer<C = SystemClock, R = ProblemJson> {
    limits: TenantLimits<C>,
    tenant_of: TenantOf,
    respond: R,
}

impl<C> RateLimitLayer<C> {
    /// A layer over these limits.
    #[must_use]
    pub const fn new(limits: TenantLimits<C>) -> Self {
        Self {
            limits,
            tenant_of: tenant_of::from_extensions,
            respond: ProblemJson,
        }
    }
}

impl<C, R> RateLimitLayer<C, R> {
    /// How to find the tenant of a request; without this, the extensions hold its `TenantId`. Requests without
    /// a tenant share one bucket.
    #[must_use]
    pub fn tenant_of(self, tenant_of: TenantOf) -> Self {
        Self { tenant_of, ..self }
    }

    /// What a refusal looks like; without this, [`ProblemJson`].
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> RateLimitLayer<C, R2> {
        RateLimitLayer {
            limits: self.limits,
            tenant_of: self.tenant_of,
            respond,
        }
    }
}

impl<S, C: Clone, R: Clone> Layer<S> for RateLimitLayer<C, R> {
    type Service = RateLimit<S, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit {
            inner,
            limits: self.limits.clone(),
            tenant_of: self.tenant_of,
            respond: self.respond.clone(),
        }
    }
}
