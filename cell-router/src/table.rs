//! A process's copy of the directory: domain → tenant → placement, always at hand.
//!
//! Two facts with two rates of change: which tenant a domain leads to changes rarely, where a tenant lives
//! changes whenever it moves. Tables keep them apart, so a move is one store however many domains the tenant
//! has.
//!
//! A table never forgets on its own. Routes have no time to live: while the directory is away the last
//! known answer stays right far more often than no answer, and a cell refuses what it does not own.

mod line_table;
mod reference;

use std::sync::Arc;

use tenancy_types::{LogEntry, Lookup, Placement, Position, TenantId};

pub use line_table::{Explained, Finding, LineContents, LineDraft, LineTable, NameProbe};
pub use reference::{ReferenceContents, ReferenceDraft, ReferenceTable};

/// A [`Lookup`] that follows the directory's change log.
///
/// Until the first [`replace`](Self::replace) it answers `NotReady` and takes no entries.
///
/// # Consistency
/// * Per tenant only an entry with a greater revision applies: entries may be repeated, and entries of
///   different tenants may overtake each other. Entries of one tenant must come in their order.
/// * A placement may also be learnt out of band ([`hint`](Self::hint)), and then only a newer epoch applies. An entry
///   of the log that is older than such a hint does not take its place; one of the same epoch does, because the
///   moving flag changes within an epoch.
/// * Whatever order they came in, the table is the same once all are applied.
/// * A reader sees each entry wholly or not at all.
pub trait RouteTable: Lookup {
    /// A table in the making, filled with the facts of a snapshot while this one goes on answering.
    type Draft: Default + Extend<LogEntry> + Send + 'static;

    /// Everything that a table holds, ready to be put in place.
    type Contents: Send + 'static;

    /// Applies one entry of the change log.
    fn apply(&self, entry: &LogEntry) -> Applied;

    /// Applies what a cell said of a tenant that it no longer has: only if the epoch is newer than what the table
    /// holds, and only for a tenant that it knows.
    fn hint(&self, tenant: TenantId, placement: Placement) -> Applied;

    /// Makes contents of the facts of a snapshot, which contains every entry up to `position`. The long part of filling
    /// a table, for a thread that may block.
    fn prepare(draft: Self::Draft, position: Position) -> Self::Contents;

    /// Puts contents in place of everything. What was learnt out of band is given up, too: a cell will say it again.
    ///
    /// Short, and returns what was there, which takes a while to be dropped.
    fn put(&self, contents: Self::Contents) -> Self::Contents;

    /// Prepares, puts in place, and drops what was there.
    fn replace(&self, draft: Self::Draft, position: Position) {
        drop(self.put(Self::prepare(draft, position)));
    }

    /// The history that the table shows and the greatest revision contained, or `None` while it is not ready.
    fn position(&self) -> Option<Position>;

    /// How much it holds.
    fn size(&self) -> TableSize;
}

/// How much a table holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableSize {
    /// Tenants with a placement, those that are gone included.
    pub tenants: usize,
    /// Domains, patterns and slugs that lead to one.
    pub names: usize,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The table contains it now.
    Newer,
    /// The table already contained it, or something newer about this tenant; a hint for a tenant that it does not
    /// know is stale, too.
    Stale,
    /// The table has not been filled yet.
    NotReady,
}

impl<T: RouteTable + ?Sized> RouteTable for Arc<T> {
    type Draft = T::Draft;
    type Contents = T::Contents;

    fn apply(&self, entry: &LogEntry) -> Applied {
        (**self).apply(entry)
    }

    fn hint(&self, tenant: TenantId, placement: Placement) -> Applied {
        (**self).hint(tenant, placement)
    }

    fn prepare(draft: Self::Draft, position: Position) -> Self::Contents {
        T::prepare(draft, position)
    }

    fn put(&self, contents: Self::Contents) -> Self::Contents {
        (**self).put(contents)
    }

    fn position(&self) -> Option<Position> {
        (**self).position()
    }

    fn size(&self) -> TableSize {
        (**self).size()
    }
}
