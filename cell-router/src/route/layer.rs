use std::{fmt, sync::Arc};

use tenancy_core::authority::TrustedProxies;
use tenancy_types::{DomainName, Lookup, ProblemJson};
use tower_layer::Layer;

use super::{RouteService, find::Finder};
use crate::Confirmer;

const UNSHARED: &str = "configured before it is cloned";

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
pub struct RouteLayer<L, R = ProblemJson> {
    shared: Arc<Shared<L, R>>,
}

/// What all services of a layer share, behind one pointer: a service is cloned for every request.
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
        Self {
            shared: Arc::new(Shared {
                finder,
                confirmer: None,
                respond: ProblemJson,
            }),
        }
    }
}

impl<L, R> RouteLayer<L, R> {
    /// Takes the label right below the platform's own domain for a tenant's slug.
    ///
    /// # Panics
    /// When the layer has been cloned before: it is configured first, then shared.
    #[must_use]
    pub fn below(mut self, platform: DomainName) -> Self {
        self.configure().finder.platform = Some(platform);
        self
    }

    /// Believes the forwarding fields of requests whose [`Peer`](tenancy_core::middleware::Peer) is one of these.
    ///
    /// # Panics
    /// When the layer has been cloned before: it is configured first, then shared.
    #[must_use]
    pub fn behind(mut self, proxies: TrustedProxies) -> Self {
        self.configure().finder.proxies = proxies;
        self
    }

    /// Asks about hosts that the table does not know.
    ///
    /// # Panics
    /// When the layer has been cloned before: it is configured first, then shared.
    #[must_use]
    pub fn confirm_with(mut self, confirmer: Confirmer) -> Self {
        self.configure().confirmer = Some(confirmer);
        self
    }

    /// Answers refused requests in this way instead of with problem details.
    ///
    /// # Panics
    /// When the layer has been cloned before: it is configured first, then shared.
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> RouteLayer<L, R2> {
        let shared = Arc::into_inner(self.shared).expect(UNSHARED);
        RouteLayer {
            shared: Arc::new(Shared {
                finder: shared.finder,
                confirmer: shared.confirmer,
                respond,
            }),
        }
    }

    fn configure(&mut self) -> &mut Shared<L, R> {
        Arc::get_mut(&mut self.shared).expect(UNSHARED)
    }
}

impl<L, R, S> Layer<S> for RouteLayer<L, R> {
    type Service = RouteService<S, L, R>;

    fn layer(&self, inner: S) -> Self::Service {
        RouteService {
            inner,
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<L, R> Clone for RouteLayer<L, R> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<L, R> fmt::Debug for RouteLayer<L, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteLayer")
            .field("platform", &self.shared.finder.platform)
            .field("confirmer", &self.shared.confirmer)
            .finish_non_exhaustive()
    }
}
