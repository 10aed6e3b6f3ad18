//! Where workflows write down how far they have come.
//!
//! A workflow is a row of phases, each with one act that comes next. Reaching a phase is journalled before
//! its act begins, so an entry is the result of one act and the intent of the next, and whoever finds the
//! journal after a crash knows which act may have happened: exactly that one. Every act can be done twice.
//!
//! There are no locks and no leases. Two runners of one workflow may both act; the number of an entry can be
//! taken once, so one of them finds it taken, reads what the other has done, and goes on from there.

#[cfg(feature = "test-util")]
mod conformance;
mod driver;
mod error;
mod journal;
mod memory;
mod placed;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "test-util")]
pub use conformance::journal_conformance;
pub(crate) use driver::{Driver, Steps, Stopped};
pub use error::JournalError;
pub use journal::{Entry, Journal};
pub use memory::MemoryJournal;
pub(crate) use placed::Placed;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteJournal;
