use std::cmp::Ordering;

use tenancy_types::{CellId, Epoch};

/// How far a tenant's rows had come where they were read or written: what a read token carries, and what a
/// database, primary or replica, says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The cell.
    pub cell: CellId,
    /// The epoch of the tenant's fence, as this database has it.
    pub epoch: Epoch,
    /// The history of the cell's log. It changes at a fail-over and at a restore.
    pub timeline: u32,
    /// The place in that log up to which this database has it.
    pub log: u64,
}

impl Position {
    /// Whether a database that is here may answer a request that has seen `seen`.
    ///
    /// A newer epoch is enough: its fence stands behind every write of the older ones, in the same log or
    /// copied from the other cell. At the same epoch the log must have come as far, in the same timeline. An
    /// older epoch never is.
    #[must_use]
    pub fn covers(self, seen: Self) -> bool {
        match self.epoch.cmp(&seen.epoch) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => {
                self.cell == seen.cell && self.timeline == seen.timeline && self.log >= seen.log
            }
        }
    }
}
