//! How the processes of one platform find and believe each other.

mod endpoints;
mod pass;

pub use endpoints::{CellEndpoint, Endpoints, EndpointsError};
pub use pass::{ControlPass, HEADER as PASS_HEADER, PassRefused};
