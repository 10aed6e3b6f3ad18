//! The rate limit as a middleware.
//!
//! It decides in `call` and never in `poll_ready`: readiness is asked without a request, so an idle
//! connection would take units for nothing, and nobody knows of which tenant. What it decides on lives in
//! [`TenantLimits`](crate::TenantLimits), which all clones share; servers clone a service per connection.

mod future;
mod layer;
mod service;

pub use future::ResponseFuture;
pub use layer::RateLimitLayer;
pub use service::RateLimit;
