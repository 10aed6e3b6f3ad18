use tenancy_types::{DirectoryEvent, LogEntry};

use crate::TableSize;

/// What is in a snapshot, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Facts of any kind.
    pub(crate) facts: u64,
    /// Placements.
    pub(crate) tenants: u64,
    /// Slugs, domains and patterns.
    pub(crate) names: u64,
}

impl Totals {
    pub(crate) fn count(&mut self, fact: &LogEntry) {
        self.facts += 1;
        match fact.event {
            DirectoryEvent::Placed { .. } => self.tenants += 1,
            DirectoryEvent::SlugAdded { .. } | DirectoryEvent::DomainAdded { .. } => {
                self.names += 1;
            }
            _ => {}
        }
    }

    pub(crate) fn size(self) -> TableSize {
        let whole = |count| usize::try_from(count).unwrap_or(usize::MAX);
        TableSize {
            tenants: whole(self.tenants),
            names: whole(self.names),
        }
    }
}
