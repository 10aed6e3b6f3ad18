use std::{fmt, sync::Arc};

use tenancy_types::{Lookup, ProblemJson};
use tower_layer::Layer;

use super::{ParkingLimits, ParkingService, ParkingStatus, wait::Waits};

/// Lets writes wait while their tenant cannot be written to: in the last moments of a move.
///
/// It stands right behind what adds the [`Route`](tenancy_types::Route), such as [`RouteLayer`](crate::RouteLayer), and
/// before all that acts on it: a request that has waited is sent with the route of that moment. Requests without a route and
/// those with a safe method (RFC 9110, section 9.2.1) pass. Its services share what waits.
///
/// # When a write waits
/// Not because the route table says that the tenant moves: copying takes minutes, in which it can be written to. A write
/// waits when its cell answered *fenced*, or when others of its tenant wait already: they go in the order in which they came.
///
/// # When it goes on
/// By what is the case, never by a message that could be missed:
/// - the route table has a newer epoch: the tenant has moved, or stays where it was;
/// - or the cell takes a write again: a fence that was lifted keeps its epoch, so while requests wait the first of them is
///   sent from time to time, to find out.
///
/// Then a few at a time go, so that the new owner is not run over. A request is sent again only when all of its body was kept;
/// the cell answers *fenced* before it does anything, so nothing is done twice.
///
/// # Limits
/// | what | when it is reached |
/// | --- | --- |
/// | a body larger than what is kept | 503 `tenant_moving` at once |
/// | requests or bytes of all tenants together, or one tenant's share | 503 `parking_full` at once |
/// | patience | 503 `tenant_moving` |
///
/// Parking is comfort. That nothing is written to a tenant that moved away is the cell's fence's matter, whatever stands here.
///
/// # Examples
/// ```
/// use http::Response;
/// use tenancy_cell_router::{ParkingLayer, ParkingLimits, ReferenceTable};
/// # use std::sync::Arc;
/// let table = Arc::new(ReferenceTable::new());
/// let layer = ParkingLayer::new(table, ParkingLimits::default(), |answer: &Response<String>| {
///     answer.headers().contains_key("x-fenced")
/// });
/// assert_eq!(layer.status().requests, 0);
/// ```
pub struct ParkingLayer<L, F, R = ProblemJson> {
    waits: Arc<Waits<L>>,
    is_fenced: F,
    respond: R,
}

impl<L: Lookup, F> ParkingLayer<L, F> {
    /// A layer over these routes. `is_fenced` says of an answer whether the tenant's own cell fenced the request off before
    /// it did anything: that is what makes it safe to send it again.
    #[must_use]
    pub fn new(routes: L, limits: ParkingLimits, is_fenced: F) -> Self {
        Self {
            waits: Arc::new(Waits::new(routes, limits)),
            is_fenced,
            respond: ProblemJson,
        }
    }
}

impl<L: Lookup, F, R> ParkingLayer<L, F, R> {
    /// Answers refused requests in this way instead of with problem details.
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> ParkingLayer<L, F, R2> {
        ParkingLayer {
            waits: self.waits,
            is_fenced: self.is_fenced,
            respond,
        }
    }

    /// What waits at present.
    #[must_use]
    pub fn status(&self) -> ParkingStatus {
        self.waits.status()
    }
}

impl<L, F: Clone, R: Clone, S> Layer<S> for ParkingLayer<L, F, R> {
    type Service = ParkingService<S, L, F, R>;

    fn layer(&self, inner: S) -> Self::Service {
        ParkingService {
            inner,
            waits: Arc::clone(&self.waits),
            is_fenced: self.is_fenced.clone(),
            respond: self.respond.clone(),
        }
    }
}

impl<L, F: Clone, R: Clone> Clone for ParkingLayer<L, F, R> {
    fn clone(&self) -> Self {
        Self {
            waits: Arc::clone(&self.waits),
            is_fenced: self.is_fenced.clone(),
            respond: self.respond.clone(),
        }
    }
}

impl<L: Lookup, F, R> fmt::Debug for ParkingLayer<L, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParkingLayer")
            .field("limits", &self.waits.limits)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
