use std::time::Duration;

use tenancy_types::{Position, Revision, UnixMicros};

use super::{DirectoryError, Lag};

/// What a change log says of itself at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// Its history and its last revision.
    pub(super) newest: Position,
    /// Entries up to here were removed by compaction.
    pub(super) floor: Revision,
}

impl Extent {
    /// Whether the entries behind `after` lead a follower from there to the log's end: it follows this history, it is not
    /// ahead of it, and nothing that it has not seen was removed.
    pub(super) fn check(self, after: Position) -> Result<(), DirectoryError> {
        let known = self.floor..=self.newest.revision;
        if after.history == self.newest.history && known.contains(&after.revision) {
            Ok(())
        } else {
            Err(self.gap(after))
        }
    }

    /// The refusal of a follower.
    pub(super) const fn gap(self, after: Position) -> DirectoryError {
        DirectoryError::LogGap {
            after,
            newest: self.newest,
        }
    }

    /// How far behind a follower is, given when the first entry that it has not seen was written.
    pub(super) fn lag(self, after: Position, oldest: Option<UnixMicros>, now: UnixMicros) -> Lag {
        let age = oldest.map_or(0, |written| now.get().saturating_sub(written.get()));
        Lag {
            revisions: self.newest.revision.get() - after.revision.get(),
            age: Duration::from_micros(u64::try_from(age).unwrap_or(0)),
        }
    }

    pub(super) const fn incarnation(self) -> u16 {
        self.newest.history.incarnation
    }
}
