#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
#[cfg(feature = "tokio")]
mod follower;
mod source;
mod table;
mod transport;

pub use error::Error;
#[cfg(feature = "tokio")]
pub use follower::{Backoff, Contact, Follower, FollowerStatus, Progress};
pub use source::{ChangeSource, SourceSnapshot};
pub use table::{Applied, ReferenceDraft, ReferenceTable, RouteTable, TableSize};
pub use transport::{CellTransport, Cells, PlacementExtension, PlacementOf, ResponseFuture};
