use tenancy_types::{Position, Revision};

/// What a change log says of itself at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its history and its last revision: what a snapshot taken then would contain.
    pub newest: Position,
    /// Entries up to here were removed by compaction, or are not in the log because they were loaded. Who has not seen
    /// them all takes a snapshot.
    pub floor: Revision,
}

#[cfg(any(feature = "memory", feature = "postgres"))]
impl Extent {
    /// Whether the entries behind `after` lead a follower from there to the log's end: it follows this history, it is not
    /// ahead of it, and nothing that it has not seen was removed.
    pub(super) fn check(self, after: Position) -> Result<(), super::DirectoryError> {
        let known = self.floor..=self.newest.revision;
        if after.history == self.newest.history && known.contains(&after.revision) {
            Ok(())
        } else {
            Err(self.gap(after))
        }
    }

    /// The refusal of a follower.
    pub(super) const fn gap(self, after: Position) -> super::DirectoryError {
        super::DirectoryError::LogGap {
            after,
            newest: self.newest,
        }
    }

    /// How far behind a follower is, given when the first entry that it has not seen was written.
    pub(super) fn lag(
        self,
        after: Position,
        oldest: Option<tenancy_types::UnixMicros>,
        now: tenancy_types::UnixMicros,
    ) -> super::Lag {
        let age = oldest.map_or(0, |written| now.get().saturating_sub(written.get()));
        super::Lag {
            revisions: self.newest.revision.get() - after.revision.get(),
            age: std::time::Duration::from_micros(u64::try_from(age).unwrap_or(0)),
        }
    }

    pub(super) const fn incarnation(self) -> u16 {
        self.newest.history.incarnation
    }
}
