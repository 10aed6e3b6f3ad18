//! Callers whose routes are old.
//!
//! A gateway may have the route of a minute ago, and goes on with it while the directory is away. So a cell looks for
//! itself whether a tenant lives there, and when not, says where it does; the gateway believes that if it must, and sends
//! the request once more.
//!
//! ```text
//! gateway: ParkingLayer ─> StaleRouteLayer ─> HopSignLayer ─> transport ─┐
//!                              ^                                        v
//!                              └── 421, hint ── cell: HopVerifyLayer ─> EpochGuardLayer ─> handlers
//! ```
//!
//! What is safe about it: the cell says so before it does anything, a hint is [signed](HintSigner) and for one tenant, one
//! that is not newer changes nothing, and a request is sent twice at most. None of this decides who may write: that is the
//! fence in the cell's database, in the transaction itself.

mod catch_up;
mod guard;
mod heard;
mod hint;
mod hints;
mod resend;
mod undone;

pub use catch_up::CatchUp;
pub use guard::{EpochGuard, EpochGuardFuture, EpochGuardLayer};
pub use hint::HintRefused;
pub use hints::{HintReader, HintSigner};
pub use resend::{StaleRoute, StaleRouteFuture, StaleRouteLayer};
pub use undone::{Undone, says_fenced};
