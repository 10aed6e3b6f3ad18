use std::{fmt, sync::Arc};

use tenancy_core::authority::TrustedProxies;
use tenancy_types::ProblemJson;
use tower_layer::Layer;

use super::{EdgeService, rules::Rules};
use crate::gateway::Pseudonym;

/// The longest target that is taken unless told otherwise; RFC 9110, section 4.1 asks for 8,000 at least.
const LONGEST_TARGET: usize = 8 * 1024;

/// Refuses requests that two servers could read differently, and cleans the fields of all others.
///
/// It stands outermost, so that no layer behind it sees, and no cell is reached by, what a client only pretends:
///
/// - framing, host and target are checked; see [`FramingFault`](super::super::FramingFault) and
///   [`Authority::from_request`](tenancy_core::authority::Authority::from_request); TRACE and CONNECT, also the extended
///   one, are refused with 405, targets that are too long with 414;
/// - hop-by-hop fields end here, with all that `Connection` names (RFC 9110, section 7.6.1); what was added by layers
///   behind cannot be removed by that;
/// - `Forwarded` and `X-Forwarded-{For,Host,Proto}` say who asked; what arrives there counts only
///   [from configured proxies](Self::behind); `Via` is appended; `Host` stays;
/// - `Max-Forwards` is counted down for OPTIONS and answered at 0.
///
/// The connection must be known: [`Server`](super::super::Server) puts a
/// [`ConnectionInfo`](super::super::ConnectionInfo) into the extensions.
///
/// ```
/// use tenancy_cell_router::{EdgeLayer, Pseudonym};
///
/// let layer = EdgeLayer::new(Pseudonym::new("shops")?);
/// # Ok::<(), tenancy_cell_router::InvalidPseudonym>(())
/// ```
/// Behind a load balancer:
/// ```
/// use tenancy_cell_router::{EdgeLayer, Pseudonym};
///
/// let layer = EdgeLayer::new(Pseudonym::new("shops")?)
///     .behind("10.0.0.0/8".parse()?)
///     .with_longest_target(2_000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EdgeLayer<R = ProblemJson> {
    rules: Arc<Rules>,
    respond: R,
}

impl EdgeLayer {
    /// An edge that stands under this name in `Via`.
    #[must_use]
    pub fn new(via: Pseudonym) -> Self {
        let rules = Rules {
            via,
            proxies: TrustedProxies::none(),
            longest_target: LONGEST_TARGET,
        };
        Self {
            rules: Arc::new(rules),
            respond: ProblemJson,
        }
    }
}

impl<R> EdgeLayer<R> {
    /// Believes the forwarding fields of connections from these networks.
    #[must_use]
    pub fn behind(mut self, proxies: TrustedProxies) -> Self {
        Arc::make_mut(&mut self.rules).proxies = proxies;
        self
    }

    /// Takes targets up to so many bytes, path and query together; 8 KiB unless told otherwise. hyper itself takes no
    /// more than 65,534.
    #[must_use]
    pub fn with_longest_target(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.rules).longest_target = bytes;
        self
    }

    /// Answers refused requests in this way instead of with problem details.
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> EdgeLayer<R2> {
        EdgeLayer {
            rules: self.rules,
            respond,
        }
    }
}

impl<S, R: Clone> Layer<S> for EdgeLayer<R> {
    type Service = EdgeService<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        EdgeService {
            inner,
            rules: Arc::clone(&self.rules),
            respond: self.respond.clone(),
        }
    }
}

impl<R: Clone> Clone for EdgeLayer<R> {
    fn clone(&self) -> Self {
        Self {
            rules: Arc::clone(&self.rules),
            respond: self.respond.clone(),
        }
    }
}

impl<R> fmt::Debug for EdgeLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeLayer")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
