use tenancy_types::{Answer, DomainName, Lookup, Placement, Route, Slug, TenantId};

use super::MemoryDirectory;
use crate::directory::Tenant;

/// A directory that is in memory already needs no route table beside it.
impl Lookup for MemoryDirectory {
    fn lookup_host(&self, host: &str) -> Answer {
        let state = self.shared.state();
        let named =
            (DomainName::from_normalised(host).ok()).and_then(|name| state.by_domain(&name));
        // Not fast, but the same answers as a route table's.
        let pattern = || {
            let dots = host.match_indices('.').map(|(at, _)| at);
            let patterns = dots.map(|at| format!("*{}", &host[at..]));
            let mut claimed = patterns.filter_map(|text| DomainName::from_pattern(&text).ok());
            claimed.find_map(|pattern| state.by_domain(&pattern))
        };
        answer(named.or_else(pattern))
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
