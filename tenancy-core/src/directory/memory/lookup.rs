use tenancy_types::{Answer, DomainName, Lookup, Placement, Route, Slug, TenantId};

use super::MemoryDirectory;
use crate::directory::Tenant;

/// A directory that is in memory already needs no route table beside it.
impl Lookup for MemoryDirectory {
    fn lookup(&self, domain: &DomainName) -> Answer {
        answer(self.shared.state().by_domain(domain))
    }

    fn lookup_slug(&self, slug: &str) -> Answer {
        match slug.parse::<Slug>() {
            Ok(slug) => answer(self.shared.state().by_slug(&slug)),
            Err(_) => Answer::Absent,
        }
    }

    fn placement(&self, tenant: TenantId) -> Option<Placement> {
        self.shared
            .state()
            .tenant(tenant)
            .map(|tenant| tenant.placement)
    }
}

fn answer(tenant: Option<&Tenant>) -> Answer {
    match tenant {
        Some(tenant) => Answer::Hit(Route {
            tenant: tenant.id,
            placement: tenant.placement,
        }),
        None => Answer::Absent,
    }
}
