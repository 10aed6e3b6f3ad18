//! From a request's host to its [`Route`](tenancy_types::Route), as a layer.
//!
//! [`RouteLayer`] stands at the edge of a gateway, behind whatever limits connections and before all that depends on
//! the tenant. It reads the host as `tenancy_core::Authority` does, looks it up, and leaves the route in the request's
//! extensions, where [`CellTransport`](crate::CellTransport) and limits find it. It decides nothing about who may
//! enter: the gateway resolves by host alone, and credentials are proven in the cell.
//!
//! | the request's host | answer |
//! | --- | --- |
//! | is known | goes on with its route |
//! | contradicts itself, or is none | 400 `invalid_request` |
//! | is unknown, and so it is to the directory, or the table follows it | 404 `unknown_domain` |
//! | is unknown, and nobody can say at present | 503 `directory_unavailable` |
//! | is looked for in a table that was never filled | 503 `directory_unavailable` |

mod find;
mod future;
mod layer;
mod service;

pub use future::RouteFuture;
pub use layer::RouteLayer;
pub use service::RouteService;

#[cfg(feature = "stale")]
pub(crate) use find::{Finder, Found};
