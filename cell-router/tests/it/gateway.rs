//! The gateway on real sockets.

mod bodies;
#[cfg(feature = "compression")]
mod compression;
mod edge;
mod failures;
#[cfg(feature = "handover")]
mod handover;
mod limits;
mod nghttp2;
mod proxy_protocol;
mod raw;
mod reuse;
mod server;
mod smuggling;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;
mod versions;
mod world;
