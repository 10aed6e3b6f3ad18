//! Brings an admitted request to the cell where its tenant lives.
//!
//! [`CellTransport`] is the innermost service of a gateway: whatever stands before it has resolved and
//! admitted the tenant and left its [`Placement`](tenancy_types::Placement) with the request. This one calls
//! services in the same process; cells behind the network are services too.
//!
//! | the tenant | |
//! | --- | --- |
//! | in a cell that is known here, also while it moves | to that cell |
//! | in a cell that is not known here | 503 `cell_unavailable` |
//!
//! That a tenant moves keeps nobody waiting: nearly all of a move is copying, in which it can be written to. Its cell refuses
//! a write when it must, and a `ParkingLayer` before this lets such a write wait.
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
