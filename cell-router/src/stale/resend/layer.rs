use std::{fmt, sync::Arc, time::Duration};

use tenancy_types::ProblemJson;
use tower_layer::Layer;

use super::StaleRoute;
use crate::{
    RouteTable,
    stale::{CatchUp, HintReader},
};

/// How long a request waits for a route that no hint names.
const PATIENCE: Duration = Duration::from_secs(1);
/// The largest body that is kept: as much as parking keeps.
const LARGEST_BODY: usize = 64 << 10;

/// Sends a request once more that came to a cell where its tenant no longer lives.
///
/// It stands behind [`ParkingLayer`](crate::ParkingLayer), and before what signs requests and chooses the cell, both by the
/// request's [`Route`](tenancy_types::Route): that is replaced. Its table learns what a hint says, if that is newer, so only
/// the first request after a move makes the detour.
///
/// | a cell's 421 | what is done |
/// | --- | --- |
/// | with a [hint](crate::HintSigner) of the cell that was asked, about that tenant, and newer | sent once more |
/// | with another one, or none | waits until the table has a newer epoch, for a second at most; sent once more |
/// | and nobody knows more, or not all of the body was kept, or it is the second | 503 `tenant_moved` |
///
/// A client never sees 421, and never the fields in which cells and gateways talk. Sending again does nothing twice, as a
/// cell says 421 only before it has done anything: see [`Undone`](crate::Undone).
///
/// A body is passed on while it comes; what went by is kept beside it, without a copy, up to 64 KiB.
///
/// # Examples
/// ```
/// # use std::sync::Arc;
/// # use tenancy_cell_router::{HintReader, LineTable, Progress, StaleRouteLayer};
/// # use tenancy_core::keys::LiveKeyring;
/// # use tenancy_types::SystemClock;
/// # fn layer(table: Arc<LineTable>, progress: Progress, keys: LiveKeyring) {
/// let layer = StaleRouteLayer::new(table, progress, HintReader::new(keys, SystemClock));
/// # }
/// ```
/// With parking before it, and keeping as much:
/// ```
/// # use std::sync::Arc;
/// # use http::Response;
/// # use tenancy_cell_router::{HintReader, LineTable, ParkingLayer, ParkingLimits, Progress, StaleRouteLayer, says_fenced};
/// # fn layers(table: Arc<LineTable>, progress: Progress, hints: HintReader) {
/// let limits = ParkingLimits::default();
/// let parking = ParkingLayer::new(Arc::clone(&table), limits, says_fenced::<String>);
/// let stale = StaleRouteLayer::new(table, progress, hints).keep_up_to(limits.largest_body);
/// # }
/// ```
#[derive(Clone)]
pub struct StaleRouteLayer<T, C, R = ProblemJson>(Shared<T, C, R>);

/// What a service and its clones share.
#[derive(Clone)]
pub(super) struct Shared<T, C, R> {
    pub(super) table: T,
    pub(super) catch_up: C,
    pub(super) hints: HintReader,
    pub(super) largest_body: usize,
    pub(super) patience: Duration,
    pub(super) respond: R,
}

impl<T: RouteTable, C: CatchUp> StaleRouteLayer<T, C> {
    /// A layer over these routes, which `catch_up` watches.
    #[must_use]
    pub const fn new(table: T, catch_up: C, hints: HintReader) -> Self {
        Self(Shared {
            table,
            catch_up,
            hints,
            largest_body: LARGEST_BODY,
            patience: PATIENCE,
            respond: ProblemJson,
        })
    }
}

impl<T, C, R> StaleRouteLayer<T, C, R> {
    /// Sets the largest body that is kept, in bytes.
    #[must_use]
    pub const fn keep_up_to(mut self, bytes: usize) -> Self {
        self.0.largest_body = bytes;
        self
    }

    /// Sets how long a request waits for a newer route when no hint names one.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.0.patience = patience;
        self
    }

    /// Answers refused requests in this way instead of with problem details.
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> StaleRouteLayer<T, C, R2> {
        let Shared {
            table,
            catch_up,
            hints,
            largest_body,
            patience,
            ..
        } = self.0;
        StaleRouteLayer(Shared {
            table,
            catch_up,
            hints,
            largest_body,
            patience,
            respond,
        })
    }
}

impl<T: Clone, C: Clone, R: Clone, S> Layer<S> for StaleRouteLayer<T, C, R> {
    type Service = StaleRoute<S, T, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        StaleRoute {
            inner,
            shared: Arc::new(self.0.clone()),
        }
    }
}

impl<T, C, R> fmt::Debug for StaleRouteLayer<T, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaleRouteLayer")
            .field("hints", &self.0.hints)
            .field("largest_body", &self.0.largest_body)
            .field("patience", &self.0.patience)
            .finish_non_exhaustive()
    }
}
