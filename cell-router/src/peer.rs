//! Routes from one process to another over HTTP, for those that start while the directory is away.
//!
//! A process serves what its own folder holds: the logs first, then the base that they change, so that whoever reads can
//! make a table at once. The bytes are those of the files, and are judged as files are: a checksum over everything, an
//! end that must be there, and the same guards. A peer is believed no more than a disk.
//!
//! `GET` answers `application/octet-stream` with its position as a strong `ETag` (RFC 9110, section 8.8.3), and 304 to
//! whoever has that position already (`If-None-Match`). Whoever can ask learns every tenant's domains, so the service
//! belongs on an internal listener.

mod body;
mod download;
mod http_peer;
mod service;
mod tag;
#[cfg(test)]
mod tests;

pub use body::SnapshotBody;
pub use http_peer::HttpPeer;
pub use service::SnapshotService;
