use std::{fmt, net::IpAddr, sync::Arc};

use http::Request;
use tenancy_types::{Lookup, ProblemJson, TenantId, WorkBudget};
use tower_layer::Layer;

use super::TenantService;
use crate::{
    Admitted, Authority, Grant, Membership, Principal, Refusal, Resolver, admit,
    authority::{AuthorityError, TrustedProxies},
};

/// The address a request's connection comes from.
///
/// The server puts it into the request's extensions. [`TenantLayer::behind`] needs it; without it no
/// forwarding field counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Finds a request's tenant and lets it in.
///
/// # Examples
/// Everybody may enter, tenants are told by their own domains:
/// ```
/// # use tenancy_core::{HostEvidence, OpenToAll, Resolver, middleware::TenantLayer};
/// # use tenancy_core::types::{Lookup, WorkBudget};
/// # fn layer(routes: impl Lookup, budget: WorkBudget) {
/// let layer = TenantLayer::new(routes, Resolver::new().with(HostEvidence), OpenToAll, move |_| budget);
/// # }
/// ```
/// Behind a load balancer, with an answer of the application's own making:
/// ```
/// # use tenancy_core::{Membership, Resolver, authority::TrustedProxies, middleware::TenantLayer};
/// # use tenancy_core::types::{Lookup, ProblemJson, WorkBudget};
/// # fn layer(routes: impl Lookup, members: impl Membership, resolver: Resolver, budget: WorkBudget) {
/// # let html = ProblemJson;
/// let layer = TenantLayer::new(routes, resolver, members, move |_| budget)
///     .behind(TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]))
///     .respond_with(html);
/// # }
/// ```
pub struct TenantLayer<L, M, R = ProblemJson> {
    admission: Arc<Admission<L, M>>,
    respond: Arc<R>,
}

/// What is needed to decide about a request; shared by all clones of a service.
pub(super) struct Admission<L, M> {
    routes: L,
    resolver: Resolver,
    membership: M,
    budget: Box<dyn Fn(TenantId) -> WorkBudget + Send + Sync>,
    proxies: TrustedProxies,
}

impl<L: Lookup, M: Membership> TenantLayer<L, M> {
    /// A layer over these routes. There is no default for who may enter and how much work a request may
    /// cause: both are said here.
    pub fn new(
        routes: L,
        resolver: Resolver,
        membership: M,
        budget: impl Fn(TenantId) -> WorkBudget + Send + Sync + 'static,
    ) -> Self {
        let budget = Box::new(budget);
        let proxies = TrustedProxies::none();
        Self {
            admission: Arc::new(Admission {
                routes,
                resolver,
                membership,
                budget,
                proxies,
            }),
            respond: Arc::new(ProblemJson),
        }
    }
}

impl<L, M, R> TenantLayer<L, M, R> {
    /// Believes the forwarding fields of requests whose [`Peer`] is one of these proxies.
    ///
    /// # Panics
    /// When the layer has been cloned before: it is configured first, then shared.
    #[must_use]
    pub fn behind(mut self, proxies: TrustedProxies) -> Self {
        let admission = Arc::get_mut(&mut self.admission).expect("configured before it is cloned");
        admission.proxies = proxies;
        self
    }

    /// Answers refused requests in this way instead of with problem details.
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> TenantLayer<L, M, R2> {
        TenantLayer {
            admission: self.admission,
            respond: Arc::new(respond),
        }
    }
}

impl<L: Lookup, M: Membership> Admission<L, M> {
    pub(super) fn admit<B>(&self, request: &Request<B>) -> Result<Admitted, Refusal> {
        let authority = self.authority(request)?;
        let resolved = self.resolver.resolve(&authority, &self.routes)?;
        let principal = request
            .extensions()
            .get::<Principal>()
            .cloned()
            .unwrap_or_else(Principal::visitor);
        let grant = self.grant(&principal, resolved.tenant)?;
        admit(resolved, principal, grant, (self.budget)(resolved.tenant))
    }

    fn authority<B>(&self, request: &Request<B>) -> Result<Authority, AuthorityError> {
        match request.extensions().get::<Peer>() {
            Some(&Peer(peer)) => Authority::from_forwarded_request(request, peer, &self.proxies),
            None => Authority::from_request(request),
        }
    }

    fn grant(&self, principal: &Principal, tenant: TenantId) -> Result<Grant, Refusal> {
        self.membership
            .grant(principal, tenant)
            .map_err(|_| Refusal::MembershipUnavailable)
    }
}

impl<L, M, R, S> Layer<S> for TenantLayer<L, M, R> {
    type Service = TenantService<S, L, M, R>;

    fn layer(&self, inner: S) -> Self::Service {
        TenantService {
            inner,
            admission: Arc::clone(&self.admission),
            respond: Arc::clone(&self.respond),
        }
    }
}

impl<L, M, R> Clone for TenantLayer<L, M, R> {
    fn clone(&self) -> Self {
        Self {
            admission: Arc::clone(&self.admission),
            respond: Arc::clone(&self.respond),
        }
    }
}

impl<L, M, R> fmt::Debug for TenantLayer<L, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantLayer")
            .field("resolver", &self.admission.resolver)
            .finish_non_exhaustive()
    }
}
