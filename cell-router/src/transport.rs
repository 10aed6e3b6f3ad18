//! Brings an admitted request to the cell where its tenant lives.
//!
//! [`CellTransport`] is the innermost service of a gateway: whatever stands before it has resolved and
//! admitted the tenant and left its [`Placement`](tenancy_types::Placement) with the request. This one calls
//! services in the same process; cells behind the network are services too.
//!
//! | the tenant | safe methods (RFC 9110, section 9.2.1) | other methods |
//! | --- | --- | --- |
//! | at rest | to its cell | to its cell |
//! | moving | to the source | 503 `tenant_moving` with `Retry-After` |
//! | in a cell that is not known here | 503 `cell_unavailable` | 503 `cell_unavailable` |
//!
//! Whether its lifecycle lets a request in at all is admission's matter, not the transport's.

mod cells;
mod future;
mod placement;
mod service;

pub use cells::Cells;
pub use future::ResponseFuture;
pub use placement::{PlacementExtension, PlacementOf};
pub use service::CellTransport;
