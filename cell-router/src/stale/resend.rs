//! The gateway's side: where is the tenant, then?

mod future;
mod layer;
mod service;

pub use future::StaleRouteFuture;
pub use layer::StaleRouteLayer;
pub use service::StaleRoute;
