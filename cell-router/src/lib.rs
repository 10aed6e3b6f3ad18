#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
#[cfg(feature = "tokio")]
mod follower;
#[cfg(feature = "gateway")]
mod gateway;
#[cfg(feature = "parking")]
mod parking;
#[cfg(feature = "peer")]
mod peer;
#[cfg(any(feature = "parking", feature = "stale"))]
mod replay;
#[cfg(feature = "layer")]
mod route;
mod snapshot;
mod source;
#[cfg(feature = "stale")]
mod stale;
mod sync;
mod table;
mod transport;
#[cfg(feature = "tokio")]
mod unknown;

pub use error::Error;
#[cfg(feature = "tokio")]
pub use follower::{
    Backoff, Contact, FollowCounts, Follower, FollowerStatus, Overrule, Peer, Progress, Recorded,
};
#[cfg(feature = "gateway")]
pub use gateway::{
    Acceptor, BodyLimit, BodyLimitFuture, BodyLimitLayer, CertificateNames, ConnectionInfo,
    EdgeFuture, EdgeLayer, EdgeService, Expired, FramingFault, GatewayError, InvalidPseudonym,
    LimitedBody, Opened, Protocol, Proxy, ProxyBody, ProxyFuture, ProxyProtocol, Pseudonym,
    Security, Server, ServerLimits, Stop, TcpOpening, Timeouts, Upstream, UpstreamExtension,
    UpstreamOf,
};
#[cfg(feature = "tls")]
pub use gateway::{
    CertFault, CertFolder, CertFolderStatus, CertSource, Certificate, InvalidCertificate,
    TlsAcceptor, UnusableProvider,
};
#[cfg(feature = "compression")]
pub use gateway::{CompressedBody, Compression, CompressionFuture, CompressionLayer};
#[cfg(feature = "handover")]
pub use gateway::{Handover, HandoverError, Offer, Takeover};
#[cfg(feature = "parking")]
pub use parking::{ParkingFuture, ParkingLayer, ParkingLimits, ParkingService, ParkingStatus};
#[cfg(feature = "peer")]
pub use peer::{HttpPeer, SnapshotBody, SnapshotService};
#[cfg(any(feature = "parking", feature = "stale"))]
pub use replay::ReplayBody;
#[cfg(feature = "layer")]
pub use route::{RouteFuture, RouteLayer, RouteService};
#[cfg(feature = "tokio")]
pub use snapshot::SnapshotFolder;
pub use snapshot::{Damage, Guards, Refusal};
#[cfg(feature = "tokio")]
pub use source::LazySource;
pub use source::{ChangeSource, SourceSnapshot};
#[cfg(feature = "stale")]
pub use stale::{
    CatchUp, EpochGuard, EpochGuardFuture, EpochGuardLayer, HintReader, HintRefused, HintSigner,
    StaleRoute, StaleRouteFuture, StaleRouteLayer, Undone, says_fenced,
};
pub use table::{
    Applied, Explained, Finding, LineContents, LineDraft, LineTable, NameProbe, ReferenceContents,
    ReferenceDraft, ReferenceTable, RouteTable, TableSize,
};
pub use transport::{CellTransport, Cells, PlacementExtension, PlacementOf, ResponseFuture};
#[cfg(feature = "tokio")]
pub use unknown::{
    Asked, Confirm, ConfirmCounts, ConfirmLimits, Confirmer, Confirming, RouteKey, Verdict,
};
