use std::num::NonZeroU16;

use tenancy_types::TenantId;

/// Which tenants to list: keyset paging, so a page costs the same wherever it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last tenant already seen; `None` starts with the first.
    pub after: Option<TenantId>,
    /// How many at most.
    pub limit: NonZeroU16,
}

impl Page {
    /// The first page.
    #[must_use]
    pub const fn first(limit: NonZeroU16) -> Self {
        Self { after: None, limit }
    }

    /// The page behind a tenant.
    #[must_use]
    pub const fn after(self, tenant: TenantId) -> Self {
        Self {
            after: Some(tenant),
            ..self
        }
    }
}
