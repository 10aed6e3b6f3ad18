//! The concurrency cap as a middleware: a bulkhead per tenant.
//!
//! The place is taken in `call`, never in `poll_ready`, where idle keep-alive connections would hold places.
//! It is held by the response future, and then by the response's body until its end: a large download is
//! in flight until its last byte is handed over, or the client is gone.

mod body;
mod future;
mod layer;
mod service;

pub use body::PermitBody;
pub use future::EnterFuture;
pub use layer::ConcurrencyLimitLayer;
pub use service::ConcurrencyLimit;
