//! Gateways whose routes are old, before cells that look for themselves.

mod cell;
mod gateway;
#[cfg(feature = "gateway")]
mod sockets;
mod world;
