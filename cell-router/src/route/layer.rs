use std::{fmt, sync::Arc};

use tenancy_core::authority::TrustedProxies;
use tenancy_types::{DomainName, Lookup, ProblemJson};
use tower_layer::Layer;

use super::{RouteService, find::Finder};
use crate::Confirmer;

/// Adds a [`Route`](tenancy_types::Route) to each request, or answers for it.
///
/// Nothing is allocated but what the request's extensions need, no lock is taken, and the inner service's future is
/// not boxed. A host that the table does not know costs a copy of its name.
///
/// # Examples
/// Tenants by their own domains, from a table that somebody keeps in step:
/// ```
/// # use tenancy_cell_router::{ReferenceTable, RouteLayer};
/// # use std::sync::Arc;
/// let table = Arc::new(ReferenceTable::new());
/// let layer = RouteLayer::new(table);
/// ```
/// At the edge of a platform: subdomains of its own, behind a load balancer, and the directory asked about hosts that
/// the table does not know.
/// ```
/// # use tenancy_cell_router::{ConfirmLimits, Confirmer, Follower, ReferenceTable, RouteLayer};
/// # use tenancy_core::{authority::TrustedProxies, directory::MemoryDirectory};
/// # use tenancy_types::{DomainName, SystemClock};
/// # use std::sync::Arc;
/// # let directory = MemoryDirectory::new(SystemClock);
/// let table = Arc::new(ReferenceTable::new());
/// let follower = Follower::new(directory.clone(), Arc::clone(&table), SystemClock);
/// let limits = ConfirmLimits::default();
/// let confirmer = Confirmer::new(directory, follower.progress(), SystemClock, limits);
/// let layer = RouteLayer::new(table)
///     .below(DomainName::from_normalised("platform.example").unwrap())
///     .behind(TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]))
///     .confirm_with(confirmer);
/// ```
#[derive(Clone)]
pub struct RouteLayer<L, R = ProblemJson>(Shared<L, R>);

/// What a service and its clones share, behind one pointer: a service is cloned for every request.
#[derive(Clone)]
pub(super) struct Shared<L, R> {
    pub(super) finder: Finder<L>,
    pub(super) confirmer: Option<Confirmer>,
    pub(super) respond: R,
}

impl<L: Lookup> RouteLayer<L> {
    /// A layer over these routes. What they do not know is answered as absent, unless somebody
    /// [confirms](Self::confirm_with) it.
    #[must_use]
    pub fn new(routes: L) -> Self {
        let finder = Finder {
            routes,
            platform: None,
            proxies: TrustedProxies::none(),
        };
        Self(Shared {
            finder,
            confirmer: None,
            respond: ProblemJson,
        })
    }
}

impl<L, R> RouteLayer<L, R> {
    /// Takes the label right below the platform's own domain for a tenant's slug.
    #[must_use]
    pub fn below(mut self, platform: DomainName) -> Self {
        self.0.finder.platform = Some(platform);
        self
    }

    /// Believes the forwarding fields of requests whose [`Peer`](tenancy_core::middleware::Peer) is one of these.
    #[must_use]
    pub fn behind(mut self, proxies: TrustedProxies) -> Self {
        self.0.finder.proxies = proxies;
        self
    }

    /// Asks about hosts that the table does not know.
    #[must_use]
    pub fn confirm_with(mut self, confirmer: Confirmer) -> Self {
        self.0.confirmer = Some(confirmer);
        self
    }

    /// Answers refused requests in this way instead of with problem details.
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> RouteLayer<L, R2> {
        RouteLayer(Shared {
            finder: self.0.finder,
            confirmer: self.0.confirmer,
            respond,
        })
    }
}

impl<L: Clone, R: Clone, S> Layer<S> for RouteLayer<L, R> {
    type Service = RouteService<S, L, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RouteService {
            inner,
            shared: Arc::new(self.0.clone()),
        }
    }
}

impl<L, R> fmt::Debug for RouteLayer<L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteLayer")
            .field("platform", &self.0.finder.platform)
            .field("confirmer", &self.0.confirmer)
            .finish_non_exhaustive()
    }
}
