//! Where does the tenant live? Domain to tenant to cell, from memory.
//!
//! A *cell* is a self-contained stack that serves thousands of tenants, and the *directory* is the authority
//! on which tenant lives where. A request must not wait for that authority, so each process keeps a copy: a
//! [`RouteTable`] that answers [`Lookup`](tenancy_types::Lookup)s from memory, a `Follower` that keeps it
//! in step, and a [`CellTransport`] that brings an admitted request to its cell.
//!
//! ```
//! use tenancy_cell_router::{ReferenceDraft, ReferenceTable, RouteTable};
//! use tenancy_types::{
//!     Answer, CellId, DirectoryEvent, Epoch, Lifecycle, LogEntry, Lookup, Placement, Revision, TenantId,
//! };
//!
//! let tenant = TenantId::new(1).unwrap();
//! let placement = Placement::new(CellId::new(2).unwrap(), Lifecycle::Active, Epoch::FIRST);
//! let facts = [
//!     DirectoryEvent::Placed { tenant, placement },
//!     DirectoryEvent::SlugAdded { slug: "acme".parse().unwrap(), tenant },
//! ];
//!
//! let table = ReferenceTable::new();
//! assert_eq!(table.lookup_slug("acme"), Answer::NotReady);
//!
//! let revision = Revision::new(2);
//! let mut draft = ReferenceDraft::default();
//! draft.extend(facts.map(|event| LogEntry { revision, event }));
//! table.replace(draft, revision);
//! assert!(matches!(table.lookup_slug("acme"), Answer::Hit(route) if route.placement == placement));
//! assert_eq!(table.lookup_slug("nobody"), Answer::Absent);
//! ```
//!
//! | room | what is in it |
//! | --- | --- |
//! | table | [`RouteTable`], the port, and [`ReferenceTable`], the plain one |
//! | source | [`ChangeSource`]: what a follower needs of a directory |
//! | follower | `Follower`: snapshot, then the change log, for ever |
//! | transport | [`CellTransport`]: from a placement to the cell's service |
//!
//! # Features
//!
//! | feature | what you get |
//! | --- | --- |
//! | `tokio` | `Follower`, on tokio's timer |
//! | `core` | [`ChangeSource`] for every `tenancy_core::directory::Directory` |
//!
//! # What holds
//! * A lookup never waits for the directory, never fails and allocates nothing, found or not.
//! * *Absent* is never said by a table that was not filled: it says *not ready*.
//! * Routes do not expire. With the directory away a table answers what it knew; how old that may be is a
//!   figure to watch.
//!
//! A table may be behind the directory. Which cell may *write* a tenant is decided by the fence in the
//! cell's own database, never by a route.

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
pub use table::{Applied, ReferenceDraft, ReferenceTable, RouteTable};
pub use transport::{CellTransport, Cells, PlacementExtension, PlacementOf, ResponseFuture};
