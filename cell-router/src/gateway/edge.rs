//! The outermost layer of a gateway.

mod future;
mod layer;
mod passport;
mod rules;
mod service;

pub use future::EdgeFuture;
pub use layer::EdgeLayer;
pub(super) use passport::Passport;
pub use service::EdgeService;
