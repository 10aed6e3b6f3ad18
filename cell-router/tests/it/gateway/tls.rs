//! TLS on real sockets, with certificates of a folder.

mod connections;
mod files;
mod handshakes;
pub(super) mod world;
