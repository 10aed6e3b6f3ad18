use std::{fmt, sync::Arc, time::Duration};

use tenancy_core::authority::TrustedProxies;
use tenancy_types::{DomainName, Lookup, ProblemJson};
use tower_layer::Layer;

use super::{EpochGuard, judge::Judge};
use crate::{
    route::Finder,
    stale::{CatchUp, HintSigner, heard::Heard},
};

/// How long a cell waits for its own table; changes take some milliseconds to arrive.
const PATIENCE: Duration = Duration::from_secs(1);

/// Lets a cell serve only tenants that live in it, by its own routes.
///
/// It stands right behind [`HopVerifyLayer`](tenancy_core::hop::HopVerifyLayer), whose claim it compares with the cell's own
/// table: of the host and of the tenant.
///
/// | by the cell's own table | answer |
/// | --- | --- |
/// | the tenant lives here | the handler's, with the cell's own [`Route`](tenancy_types::Route) in place of the gateway's |
/// | it lives elsewhere, at a newer epoch | 421 `tenant_not_here` with a signed hint |
/// | the gateway knows more, or the host is not known yet | waits until it has caught up, then one of the others; after a second 503 `cell_behind` |
/// | the host is another tenant's, or can be nobody's | 421 `misdirected`, without a hint |
///
/// A cell that has heard of a newer epoch serves that tenant to nobody until it has caught up, also to those who know less.
///
/// Of a handler's answer it passes on what [`Undone`](crate::Undone) says; without that, 421 becomes 503.
///
/// # Examples
/// ```
/// # use std::sync::Arc;
/// # use tenancy_cell_router::{ChangeSource, EpochGuardLayer, Follower, HintSigner, LineTable};
/// # use tenancy_core::{directory::MemoryDirectory, hop::{HopVerifier, HopVerifyLayer}, keys::LiveKeyring};
/// # use tenancy_types::{CellId, DomainName, SystemClock};
/// # fn layers(keys: LiveKeyring, cell: CellId, directory: MemoryDirectory) {
/// let table = Arc::new(LineTable::new());
/// let follower = Follower::new(directory, Arc::clone(&table), SystemClock);
/// let verify = HopVerifyLayer::new(HopVerifier::new(keys.clone(), cell, SystemClock));
/// let hints = HintSigner::new(keys, cell, SystemClock);
/// let guard = EpochGuardLayer::new(table, follower.progress(), hints);
/// # }
/// ```
/// Subdomains of the platform, gateways that say in `Forwarded` which host was asked for, and less patience:
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use tenancy_cell_router::{EpochGuardLayer, HintSigner, LineTable, Progress};
/// # use tenancy_core::authority::TrustedProxies;
/// # use tenancy_types::DomainName;
/// # fn layer(table: Arc<LineTable>, progress: Progress, hints: HintSigner) {
/// let guard = EpochGuardLayer::new(table, progress, hints)
///     .below(DomainName::from_normalised("platform.example").unwrap())
///     .behind(TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]))
///     .with_patience(Duration::from_millis(200));
/// # }
/// ```
pub struct EpochGuardLayer<L, C, R = ProblemJson>(Shared<L, C, R>);

/// What a service and its clones share.
pub(super) struct Shared<L, C, R> {
    pub(super) judge: Judge<L>,
    pub(super) catch_up: C,
    pub(super) patience: Duration,
    pub(super) respond: R,
}

impl<L: Lookup, C: CatchUp> EpochGuardLayer<L, C> {
    /// A layer over the cell's own routes, which `catch_up` watches.
    #[must_use]
    pub fn new(routes: L, catch_up: C, hints: HintSigner) -> Self {
        let finder = Finder {
            routes,
            platform: None,
            proxies: TrustedProxies::none(),
        };
        let heard = Arc::new(Heard::default());
        Self(Shared {
            judge: Judge {
                finder,
                hints,
                heard,
            },
            catch_up,
            patience: PATIENCE,
            respond: ProblemJson,
        })
    }
}

impl<L, C, R> EpochGuardLayer<L, C, R> {
    /// Takes the label right below the platform's own domain for a tenant's slug, as the gateways do.
    #[must_use]
    pub fn below(mut self, platform: DomainName) -> Self {
        self.0.judge.finder.platform = Some(platform);
        self
    }

    /// Believes the forwarding fields of requests whose [`Peer`](tenancy_core::middleware::Peer) is one of these: gateways
    /// that stand behind others themselves.
    #[must_use]
    pub fn behind(mut self, proxies: TrustedProxies) -> Self {
        self.0.judge.finder.proxies = proxies;
        self
    }

    /// Sets how long a request waits until this cell has caught up with its gateway.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.0.patience = patience;
        self
    }

    /// Answers refused requests in this way instead of with problem details.
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> EpochGuardLayer<L, C, R2> {
        EpochGuardLayer(Shared {
            judge: self.0.judge,
            catch_up: self.0.catch_up,
            patience: self.0.patience,
            respond,
        })
    }
}

impl<L: Clone, C: Clone, R: Clone, S> Layer<S> for EpochGuardLayer<L, C, R> {
    type Service = EpochGuard<S, L, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        EpochGuard {
            inner,
            shared: Arc::new(self.0.clone()),
        }
    }
}

impl<L: Clone, C: Clone, R: Clone> Clone for EpochGuardLayer<L, C, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<L: Clone, C: Clone, R: Clone> Clone for Shared<L, C, R> {
    fn clone(&self) -> Self {
        Self {
            judge: self.judge.clone(),
            catch_up: self.catch_up.clone(),
            patience: self.patience,
            respond: self.respond.clone(),
        }
    }
}

impl<L, C, R> fmt::Debug for EpochGuardLayer<L, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EpochGuardLayer")
            .field("hints", &self.0.judge.hints)
            .field("patience", &self.0.patience)
            .finish_non_exhaustive()
    }
}
