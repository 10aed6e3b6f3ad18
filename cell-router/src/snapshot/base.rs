//! Reads a base under the logs behind it: pure.

use tenancy_types::{DirectoryEvent, LogEntry};

use super::{Damage, overlay::Overlay, record::Records, size::Totals};
use crate::TableSize;

/// A base of which so much was read.
#[derive(Debug)]
pub(super) struct BaseReader {
    overlay: Overlay,
    read: Totals,
}

impl BaseReader {
    pub(super) fn new(overlay: Overlay) -> Self {
        let read = Totals::default();
        Self { overlay, read }
    }

    /// Hands on the facts of a block as they are at the end of the logs.
    pub(super) fn block(&mut self, records: &[u8], out: &mut Vec<LogEntry>) -> Result<(), Damage> {
        for fact in Records::new(records) {
            let fact = fact?;
            // In a base nothing was ever otherwise. Removals would be counted by nobody, and are slow to take.
            if let DirectoryEvent::SlugRemoved { .. } | DirectoryEvent::DomainRemoved { .. } =
                fact.event
            {
                return Err(Damage::Record);
            }
            self.read.count(&fact);
            self.overlay.merge(fact, out);
        }
        Ok(())
    }

    /// How much there was so far.
    pub(super) fn size(&self) -> TableSize {
        self.read.size()
    }

    /// Hands on what is only in the logs, if the base has what it counts.
    pub(super) fn end(self, totals: Totals, out: &mut Vec<LogEntry>) -> Result<(), Damage> {
        if totals != self.read {
            return Err(Damage::Counts);
        }
        self.overlay.finish(out);
        Ok(())
    }
}
