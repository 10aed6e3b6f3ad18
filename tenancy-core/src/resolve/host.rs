use tenancy_types::Lookup;

use super::{Evidence, Finding, Source, finding};
use crate::{Authority, Refusal, authority::Host};

/// The whole host name leads to the tenant: a merchant's own domain.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostEvidence;

impl Evidence for HostEvidence {
    fn source(&self) -> Source {
        Source::Host
    }

    fn find(&self, authority: &Authority, routes: &dyn Lookup) -> Result<Finding, Refusal> {
        match authority.host() {
            Host::Name(domain) => finding(routes.lookup(domain)),
            // An address is never a tenant's: it names a machine of ours.
            Host::V4(_) | Host::V6(_) => Ok(Finding::None),
        }
    }
}
