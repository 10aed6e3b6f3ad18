//! The cell's side: is the tenant here?

mod future;
mod judge;
mod layer;
mod service;

pub use future::EpochGuardFuture;
pub use layer::EpochGuardLayer;
pub use service::EpochGuard;
