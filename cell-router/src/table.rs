//! A process's copy of the directory: domain → tenant → placement, always at hand.
//!
//! Two facts with two rates of change: which tenant a domain leads to changes rarely, where a tenant lives
//! changes whenever it moves. Tables keep them apart, so a move is one store however many domains the tenant
//! has.
//!
//! A table never forgets on its own. Routes have no time to live: while the directory is away the last
//! known answer stays right far more often than no answer, and a cell refuses what it does not own.

mod reference;

use std::sync::Arc;

use tenancy_types::{LogEntry, Lookup, Revision};

pub use reference::{ReferenceDraft, ReferenceTable};

/// A [`Lookup`] that follows the directory's change log.
///
/// Until the first [`replace`](Self::replace) it answers `NotReady` and takes no entries.
///
/// # Consistency
/// * Per tenant only an entry with a greater revision applies: entries may be repeated, and entries of
///   different tenants may overtake each other. Entries of one tenant must come in their order.
/// * Whatever order they came in, the table is the same once all are applied.
/// * A reader sees each entry wholly or not at all.
pub trait RouteTable: Lookup {
    /// A table in the making, filled with the facts of a snapshot while this one goes on answering.
    type Draft: Default + Extend<LogEntry> + Send + 'static;

    /// Applies one entry of the change log.
    fn apply(&self, entry: &LogEntry) -> Applied;

    /// Puts the facts of a snapshot, which contains every entry up to `revision`, in place of everything.
    fn replace(&self, draft: Self::Draft, revision: Revision);

    /// The greatest revision contained, or `None` while it is not ready.
    fn revision(&self) -> Option<Revision>;
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The table contains it now.
    Newer,
    /// The table already contained it, or something newer about this tenant.
    Stale,
    /// The table has not been filled yet.
    NotReady,
}

impl<T: RouteTable + ?Sized> RouteTable for Arc<T> {
    type Draft = T::Draft;

    fn apply(&self, entry: &LogEntry) -> Applied {
        (**self).apply(entry)
    }

    fn replace(&self, draft: Self::Draft, revision: Revision) {
        (**self).replace(draft, revision);
    }

    fn revision(&self) -> Option<Revision> {
        (**self).revision()
    }
}
