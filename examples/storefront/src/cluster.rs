//! How the processes of one platform find and believe each other.

mod endpoints;
mod keys;
mod pass;

pub use endpoints::{CellEndpoint, Endpoints, EndpointsError, GatewayEndpoint, Known};
pub use keys::{follow_keys, make_keys};
pub use pass::{ControlPass, HEADER as PASS_HEADER, PassRefused};
