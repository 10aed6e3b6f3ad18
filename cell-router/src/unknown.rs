//! Hosts that the table does not know.
//!
//! A table is some milliseconds behind the directory, and more while the directory is away: a host that it does not
//! know may be new. A [`Confirmer`] asks the directory for such a host, once for all who ask at the same time, and
//! within bounds that a flood of made-up hosts cannot move: so many questions a second, so many at once, so long for
//! each. What the directory does not have is remembered for a while, in a table that does not grow.
//!
//! | the directory | the table follows, and nothing is refused | it was never filled | otherwise |
//! | --- | --- | --- | --- |
//! | has it | its route | its route | is not asked, or not believed: not found out: 503 |
//! | does not have it | absent: 404 | absent: 404 | 503 |
//! | failed, or was too slow | not found out: 503 | 503 | 503 |
//! | was not asked, as a bound was met | absent: 404 | 503 | 503 |
//!
//! A directory that the follower does not follow may be another one, or have been restored: a tenant of its may have the
//! number of another tenant here, so what it says of a host would lead to a foreign shop.
//!
//! Not asked and absent is no contradiction: a table that follows has said that the host is absent, and the question
//! would only have been whether it is younger than some milliseconds. Hosts that the table knows are never delayed:
//! they do not come here.

mod absent;
mod budget;
mod confirmer;
mod counts;
mod flights;

use tenancy_types::{DomainName, Route, Slug};

use crate::Error;

pub use confirmer::{Asked, ConfirmLimits, Confirmer, Confirming};
pub use counts::ConfirmCounts;

/// By which a tenant is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RouteKey {
    /// A whole host.
    Domain(DomainName),
    /// The label below the platform's domain.
    Slug(Slug),
}

/// What was found out about a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It leads here.
    Hit(Route),
    /// It leads nowhere.
    Absent,
    /// Nobody can say at present, which is not the same as absent.
    NotFoundOut,
}

#[cfg(feature = "layer")]
impl Verdict {
    /// The route, or how its absence is answered.
    pub(crate) fn route(self) -> Result<Route, tenancy_core::Refusal> {
        match self {
            Self::Hit(route) => Ok(route),
            Self::Absent => Err(tenancy_core::Refusal::UnknownDomain),
            Self::NotFoundOut => Err(tenancy_core::Refusal::DirectoryUnavailable),
        }
    }
}

/// Who knows for certain: the directory.
///
/// With feature `core` every `tenancy_core::directory::Directory` is one. It looks for exact names only: a
/// [pattern](DomainName::from_pattern) becomes known when the table learns of it.
pub trait Confirm: Send + Sync + 'static {
    /// Where the key leads, or `None` when it leads nowhere.
    ///
    /// # Cancel safety
    /// It may be dropped at any time, and is when it takes too long.
    fn confirm(&self, key: &RouteKey) -> impl Future<Output = Result<Option<Route>, Error>> + Send;
}

#[cfg(feature = "core")]
impl<D: tenancy_core::directory::Directory> Confirm for D {
    async fn confirm(&self, key: &RouteKey) -> Result<Option<Route>, Error> {
        let found = match key {
            RouteKey::Domain(domain) => self.by_domain(domain).await,
            RouteKey::Slug(slug) => self.by_slug(slug).await,
        };
        let tenant = found.map_err(Error::directory)?;
        Ok(tenant.map(|tenant| Route {
            tenant: tenant.id,
            placement: tenant.placement,
        }))
    }
}
