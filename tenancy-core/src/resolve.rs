//! Resolution: which tenant a request is for.
//!
//! A [`Resolver`] asks a chain of [`Evidence`], one piece after the other. Each answers *found*, *none* or
//! an error, never an `Option` that mixes the last two; all that is found must agree, and when nothing is
//! found the domain is unknown. There is no default tenant.

mod host;
mod subdomain;

use std::fmt;

use tenancy_types::{Answer, Lookup, Placement, Route, TenantId};

use crate::{Authority, Refusal};

pub use host::HostEvidence;
pub use subdomain::SubdomainEvidence;

/// Where the evidence for a tenant came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// The whole host name.
    Host,
    /// The label below the platform's domain.
    Subdomain,
    /// The platform's own code named the tenant by its id.
    Internal,
}

/// What one piece of evidence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It names this tenant.
    Found(Route),
    /// It says nothing about this request.
    None,
}

/// One way to tell a request's tenant.
pub trait Evidence: Send + Sync + 'static {
    /// The name for logs and [`Admitted::source`](crate::Admitted::source).
    fn source(&self) -> Source;

    /// Looks at the request's authority. Answers from memory; must not block.
    ///
    /// # Errors
    /// [`Refusal::DirectoryUnavailable`] when it could not be found out, which is never the same as `None`.
    fn find(&self, authority: &Authority, routes: &dyn Lookup) -> Result<Finding, Refusal>;
}

/// A tenant that the evidence names. Not let in yet: see [`admit`](crate::admit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The tenant.
    pub tenant: TenantId,
    /// Where it lives.
    pub placement: Placement,
    /// The first evidence that named it.
    pub source: Source,
}

impl Resolved {
    /// The tenant of an id that the platform's own code holds: a job, a worker, an operator's command.
    ///
    /// # Errors
    /// [`Refusal::UnknownDomain`] when the routes have no such tenant.
    pub fn by_id(routes: &impl Lookup, tenant: TenantId) -> Result<Self, Refusal> {
        let placement = routes.placement(tenant).ok_or(Refusal::UnknownDomain)?;
        Ok(Self {
            tenant,
            placement,
            source: Source::Internal,
        })
    }
}

/// The chain of evidence.
///
/// Cost of a resolution: one lookup for each piece of evidence that applies.
#[derive(Default)]
pub struct Resolver {
    chain: Vec<Box<dyn Evidence>>,
}

impl Resolver {
    /// A chain without evidence, which finds nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a piece of evidence at the end of the chain.
    #[must_use]
    pub fn with(mut self, evidence: impl Evidence) -> Self {
        self.chain.push(Box::new(evidence));
        self
    }

    /// The tenant that all evidence names.
    ///
    /// # Errors
    /// [`Refusal::UnknownDomain`] when nothing names one, [`Refusal::EvidenceDisagrees`] when two do, and
    /// whatever a piece of evidence could not find out.
    pub fn resolve(&self, authority: &Authority, routes: &dyn Lookup) -> Result<Resolved, Refusal> {
        let mut found: Option<Resolved> = None;
        for evidence in &self.chain {
            let Finding::Found(route) = evidence.find(authority, routes)? else {
                continue;
            };
            match found {
                Some(earlier) if earlier.tenant != route.tenant => {
                    return Err(Refusal::EvidenceDisagrees);
                }
                Some(_) => {}
                None => {
                    let Route { tenant, placement } = route;
                    found = Some(Resolved {
                        tenant,
                        placement,
                        source: evidence.source(),
                    });
                }
            }
        }
        found.ok_or(Refusal::UnknownDomain)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.chain.iter().map(|evidence| evidence.source()))
            .finish()
    }
}

/// What a route table's answer means as evidence.
fn finding(answer: Answer) -> Result<Finding, Refusal> {
    match answer {
        Answer::Hit(route) => Ok(Finding::Found(route)),
        Answer::Absent => Ok(Finding::None),
        Answer::NotReady => Err(Refusal::DirectoryUnavailable),
    }
}
