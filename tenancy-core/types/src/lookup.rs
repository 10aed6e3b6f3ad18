use std::sync::Arc;

use crate::{DomainName, Placement, TenantId};

/// Where a domain leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The tenant that has the domain.
    pub tenant: TenantId,
    /// Where it lives.
    pub placement: Placement,
}

/// What a route table says of a domain. Exhaustive on purpose: not known is not the same as not found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The domain leads here.
    Hit(Route),
    /// No tenant has the domain.
    Absent,
    /// The table has not been filled yet, so nothing can be said.
    NotReady,
}

/// The routes of a process, from memory: domain → tenant → placement.
///
/// Every method is synchronous and answers without waiting: a request never depends on the control plane.
pub trait Lookup: Send + Sync + 'static {
    /// Where a request's host leads: an exact name before a [pattern](DomainName::from_pattern), a longer pattern
    /// before a shorter one. It must be a text that [`DomainName::from_normalised`] takes: it is not checked again, and
    /// the answer for any other means nothing.
    fn lookup_host(&self, host: &str) -> Answer;

    /// Where the domain leads, as [`lookup_host`](Self::lookup_host) says.
    fn lookup(&self, domain: &DomainName) -> Answer {
        self.lookup_host(domain.as_str())
    }

    /// Where a tenant's slug leads: the label below the platform's own domain. A text that is no slug is
    /// simply absent.
    fn lookup_slug(&self, slug: &str) -> Answer;

    /// Where the tenant lives, or `None` when the table has no such tenant (or is not ready).
    fn placement(&self, tenant: TenantId) -> Option<Placement>;
}

impl<L: Lookup + ?Sized> Lookup for Arc<L> {
    fn lookup_host(&self, host: &str) -> Answer {
        (**self).lookup_host(host)
    }

    fn lookup_slug(&self, slug: &str) -> Answer {
        (**self).lookup_slug(slug)
    }

    fn placement(&self, tenant: TenantId) -> Option<Placement> {
        (**self).placement(tenant)
    }
}
