use std::task::{Context, Poll};

use http::{Request, Response};
use tenancy_types::{ProblemJson, Respond};
use tower_service::Service;

use super::{Cells, PlacementExtension, PlacementOf, ResponseFuture};
use crate::Error;

/// Calls the service of the cell where the request's tenant lives.
///
/// It is always ready: which service will be called is known only with the request, so the response future
/// waits until a clone of that one is ready and calls the same clone. What it does not let through is
/// answered through [`Respond`]; the error type is the cells' own.
///
/// The default finds a [`Placement`](tenancy_types::Placement) in the request's extensions and refuses with
/// `application/problem+json`:
///
/// ```
/// use tenancy_cell_router::{CellTransport, Cells};
/// use tenancy_types::CellId;
/// # fn cell_service(_: u16) {}
///
/// let cells: Cells<_> = (1..=3).map(|n| (CellId::new(n).unwrap(), cell_service(n))).collect();
/// let transport = CellTransport::new(cells);
/// ```
///
/// Configured, for a layer that leaves a type of its own:
///
/// ```
/// use http::Extensions;
/// use tenancy_cell_router::{CellTransport, Cells};
/// use tenancy_types::Route;
/// # let cells: Cells<()> = std::iter::empty().collect();
///
/// let transport = CellTransport::new(cells)
///     .with_placement(|extensions: &Extensions| Some(extensions.get::<Route>()?.placement));
/// ```
#[derive(Clone, Debug)]
pub struct CellTransport<S, P = PlacementExtension, R = ProblemJson> {
    cells: Cells<S>,
    placement: P,
    respond: R,
}

impl<S> CellTransport<S> {
    /// A transport to these cells.
    #[must_use]
    pub fn new(cells: Cells<S>) -> Self {
        Self {
            cells,
            placement: PlacementExtension,
            respond: ProblemJson,
        }
    }
}

impl<S, P, R> CellTransport<S, P, R> {
    /// Sets where a request's placement is found.
    #[must_use]
    pub fn with_placement<Q: PlacementOf>(self, placement: Q) -> CellTransport<S, Q, R> {
        CellTransport {
            cells: self.cells,
            placement,
            respond: self.respond,
        }
    }

    /// Sets how refusals are answered.
    #[must_use]
    pub fn with_respond<Q>(self, respond: Q) -> CellTransport<S, P, Q> {
        CellTransport {
            cells: self.cells,
            placement: self.placement,
            respond,
        }
    }
}

impl<S: Clone, P: PlacementOf, R> CellTransport<S, P, R> {
    fn choose<B>(&self, request: &Request<B>) -> Result<S, Error> {
        let placement = self
            .placement
            .placement(request.extensions())
            .ok_or(Error::NoPlacement)?;
        let cell = placement.cell;
        let service = self.cells.find(cell);
        let service = service.ok_or(Error::CellUnavailable { cell })?;
        Ok(service.clone())
    }
}

impl<S, P, R, B, ResBody> Service<Request<B>> for CellTransport<S, P, R>
where
    S: Service<Request<B>, Response = Response<ResBody>> + Clone,
    P: PlacementOf,
    R: Respond<ResBody>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B, ResBody>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.choose(&request) {
            Ok(service) => ResponseFuture::forward(service, request),
            Err(refusal) => {
                ResponseFuture::refuse(self.respond.respond(&refusal, request.headers()))
            }
        }
    }
}
