//! From a socket to a cell behind the network.
//!
//! | piece | what it does |
//! | --- | --- |
//! | [`Server`] | accepts connections through an [`Acceptor`], bounds their number, heads and silence, drains |
//! | [`ProxyProtocol`] | who is connected, as a load balancer says it |
//! | `TlsAcceptor` | TLS by rustls, certificates by name (feature `tls`) |
//! | `Handover` | passes the listening sockets to the next process (feature `handover`) |
//! | [`EdgeLayer`] | outermost: refuses what two servers could read differently, cleans the fields, says who asked |
//! | [`BodyLimitLayer`] | bounds what clients send |
//! | `CompressionLayer` | gzip and brotli for answers (feature `compression`) |
//! | [`Proxy`] | innermost: sends the request to the [`Upstream`] that an earlier layer chose, and streams the answer |
//!
//! What is between the edge and the proxy is the application's: resolving, limiting, choosing a cell.

#[cfg(feature = "compression")]
mod compression;
mod edge;
mod error;
mod framing;
#[cfg(feature = "handover")]
mod handover;
mod headers;
mod limits;
mod proxy;
mod proxy_protocol;
mod server;
mod timeouts;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;

#[cfg(feature = "compression")]
pub use compression::{CompressedBody, Compression, CompressionFuture, CompressionLayer};
pub use edge::{EdgeFuture, EdgeLayer, EdgeService};
pub use error::GatewayError;
pub use framing::FramingFault;
#[cfg(feature = "handover")]
pub use handover::{Handover, HandoverError, Offer, Takeover};
pub use headers::{InvalidPseudonym, Pseudonym};
pub use limits::{BodyLimit, BodyLimitFuture, BodyLimitLayer, LimitedBody};
pub use proxy::{Protocol, Proxy, ProxyBody, ProxyFuture, Upstream, UpstreamExtension, UpstreamOf};
pub use proxy_protocol::ProxyProtocol;
pub use server::{
    Acceptor, CertificateNames, ConnectionInfo, Opened, Security, Server, ServerLimits, Stop,
    TcpOpening,
};
pub use timeouts::{Expired, Timeouts};
#[cfg(feature = "tls")]
pub use tls::{
    CertFault, CertFolder, CertFolderStatus, CertSource, Certificate, InvalidCertificate,
    TlsAcceptor, UnusableProvider,
};
