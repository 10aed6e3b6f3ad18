//! From accepted connections to requests: bounds, time limits, and an end that finishes what is in flight.

mod acceptor;
mod certified;
mod connection;
mod exchanges;
mod guarded_io;
mod info;
mod limits;
mod preface;
mod serve;
mod stop;

pub use acceptor::{Acceptor, Opened, TcpOpening};
pub use certified::CertificateNames;
#[cfg(feature = "tls")]
pub(super) use certified::wildcard_above;
use info::Place;
pub use info::{ConnectionInfo, Security};
pub use limits::ServerLimits;
pub use serve::Server;
pub use stop::Stop;
