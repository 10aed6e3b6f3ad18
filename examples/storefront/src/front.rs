//! The front side of a process: which sockets it listens on, and what clients speak there before HTTP begins.

mod doors;
mod spoken;

use std::{io, net::SocketAddr, path::PathBuf};

use tenancy_cell_router::{HandoverError, UnusableProvider};
use tenancy_core::authority::TrustedProxies;

pub(crate) use doors::{Doors, until_taken};
pub(crate) use spoken::Spoken;

/// How shops are reached.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// The folder of certificates; without one plain HTTP is spoken.
    pub certificates: Option<PathBuf>,
    /// The load balancers that say whose their connections are.
    pub balancers: Option<TrustedProxies>,
    /// Where the sockets are handed over to the next process.
    pub handover: Option<PathBuf>,
}

impl Front {
    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self.certificates {
            Some(_) => "https",
            None => "http",
        }
    }
}

/// Why nobody can be let in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrontError {
    /// An address could not be listened on.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The sockets of the process that runs were not to be had.
    #[error(transparent)]
    Handover(#[from] HandoverError),
    /// The folder of certificates cannot be listed.
    #[error("read the certificates in {}", path.display())]
    Certificates {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// There is no cryptography for TLS.
    #[error(transparent)]
    Provider(#[from] UnusableProvider),
}
