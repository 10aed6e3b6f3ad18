use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where a server listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Address {
    /// The file of a Unix socket.
    Unix(PathBuf),
    /// An address and port of TCP.
    Tcp(SocketAddr),
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(file) => write!(out, "{}", file.display()),
            Self::Tcp(address) => write!(out, "{address}"),
        }
    }
}
