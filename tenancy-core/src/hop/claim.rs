use tenancy_types::{Placement, Route, TenantId};

/// What a token says. [`HopVerifyLayer`](super::HopVerifyLayer) leaves it in a request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopClaim {
    /// The request's tenant.
    pub tenant: TenantId,
    /// Where the gateway believes that it lives.
    pub placement: Placement,
    /// When it was said, in seconds since 1970 by the gateway's clock.
    pub issued: u32,
}

impl HopClaim {
    /// The route by which the request came.
    #[must_use]
    pub const fn route(&self) -> Route {
        Route {
            tenant: self.tenant,
            placement: self.placement,
        }
    }
}
