//! The tower layer that finds out who the tenant is and lets it in.
//!
//! # Where it belongs
//! Outside everything that depends on the tenant (limits, routing, handlers), inside what must see every
//! request (tracing, body limits, request ids). Paths that have no tenant, such as a health check, belong on
//! another listener or outside this layer: within it, a request without a tenant is refused.
//!
//! # What it does
//! It reads the request's [`Authority`], resolves it over the route table, asks the [`Membership`] and
//! admits. All of that is in memory, so it decides in `call` and never waits. It puts [`Admitted`],
//! the [`TenantId`](tenancy_types::TenantId) and the [`Placement`](tenancy_types::Placement) into the
//! request's extensions. A refused request is answered through [`Respond`](tenancy_types::Respond), and the
//! inner service's error type is left alone.
//!
//! [`Authority`]: crate::Authority
//! [`Membership`]: crate::Membership
//! [`Admitted`]: crate::Admitted

mod future;
mod layer;
#[cfg(feature = "axum")]
mod responder;
mod service;

pub use future::ResponseFuture;
pub use layer::{Peer, TenantLayer};
#[cfg(feature = "axum")]
pub(crate) use responder::Responder;
pub use service::TenantService;
