use tenancy_types::{DomainName, Lookup};

use super::{Evidence, Finding, Source, finding};
use crate::{Authority, Refusal, authority::Host};

/// The label right below the platform's domain is the tenant's slug: `shop` in `shop.platform.example`.
#[derive(Clone, Debug)]
pub struct SubdomainEvidence {
    platform: DomainName,
}

impl SubdomainEvidence {
    /// Evidence from the labels below this domain.
    #[must_use]
    pub const fn below(platform: DomainName) -> Self {
        Self { platform }
    }
}

impl Evidence for SubdomainEvidence {
    fn source(&self) -> Source {
        Source::Subdomain
    }

    fn find(&self, authority: &Authority, routes: &dyn Lookup) -> Result<Finding, Refusal> {
        match authority.host() {
            Host::Name(domain) => match domain.label_below(&self.platform) {
                Some(slug) => finding(routes.lookup_slug(slug)),
                None => Ok(Finding::None),
            },
            Host::V4(_) | Host::V6(_) => Ok(Finding::None),
        }
    }
}
