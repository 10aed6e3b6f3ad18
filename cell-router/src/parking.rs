//! Lets writes wait for a tenant that moves.
//!
//! In the last moments of a move the tenant's rows are *fenced* in the cell that it leaves: reads go on, writes are refused.
//! A client should not see that. [`ParkingLayer`] holds such writes back, for a bounded time and in bounded memory, and sends
//! them when the tenant can be written to again, to wherever it lives then.

mod future;
mod layer;
mod limits;
mod lot;
mod service;
mod wait;

pub use future::ParkingFuture;
pub use layer::ParkingLayer;
pub use limits::{ParkingLimits, ParkingStatus};
pub use service::ParkingService;
