//! The directory's log, which grows with every change and is shortened from time to time.

use tenancy_core::directory::{Directory, DirectoryError, Extent};
use tenancy_types::Revision;

use super::Site;

/// How many revisions of the log the platform keeps by itself: what a follower that was off for days reads faster than a
/// snapshot.
const KEPT: u64 = 1_000_000;

/// Up to where a log is removed of which the last `keep` revisions are kept.
fn floor(extent: Extent, keep: u64) -> Revision {
    Revision::new(extent.newest.revision.get().saturating_sub(keep))
}

/// The same for the platform's own rounds: nothing before a tenth more has come, so that most rounds write nothing.
fn due(extent: Extent) -> Option<Revision> {
    let due = floor(extent, KEPT);
    (due.get() >= extent.floor.get() + KEPT / 10).then_some(due)
}

impl Site {
    /// Removes all but the last revisions from the directory's log, and says how many entries there were.
    ///
    /// # Errors
    /// The directory's.
    pub async fn compact_log(&self, keep: u64) -> Result<u64, DirectoryError> {
        let extent = self.directory().extent().await?;
        self.directory().compact(floor(extent, keep)).await
    }

    pub(super) async fn compact_long_log(&self) -> Result<(), DirectoryError> {
        if let Some(due) = due(self.directory().extent().await?) {
            let removed = self.directory().compact(due).await?;
            tracing::info!(removed, "the directory's log was compacted");
        }
        Ok(())
    }

    /// Records how long the log is, and how far the routes are behind it. While the directory is away that is not
    /// known; the age of the routes rises then.
    #[expect(
        clippy::cast_precision_loss,
        reason = "gauges are floats; revisions are far below 2^52"
    )]
    pub async fn record_log(&self) {
        let Ok(extent) = self.directory().extent().await else {
            return;
        };
        let revisions = extent.newest.revision.get() - extent.floor.get();
        metrics::gauge!("storefront_directory_log_revisions").set(revisions as f64);
        let Some(position) = self.routes_status().position else {
            return;
        };
        if let Ok(lag) = self.directory().lag(position).await {
            metrics::gauge!("storefront_routes_behind_revisions").set(lag.revisions as f64);
            metrics::gauge!("storefront_routes_behind_seconds").set(lag.age.as_secs_f64());
        }
    }
}

#[cfg(test)]
mod tests {
    use tenancy_types::{DirectoryId, History, Position};

    use super::*;

    fn extent(floor: u64, newest: u64) -> Extent {
        let history = History {
            directory: DirectoryId::from_u128(7),
            incarnation: 0,
        };
        Extent {
            newest: Position {
                history,
                revision: Revision::new(newest),
            },
            floor: Revision::new(floor),
        }
    }

    #[test]
    fn the_last_revisions_are_kept() {
        assert_eq!(floor(extent(0, 10), 3), Revision::new(7));
        assert_eq!(floor(extent(0, 10), 10), Revision::ZERO);
        assert_eq!(floor(extent(5, 10), u64::MAX), Revision::ZERO);
    }

    #[test]
    fn a_log_is_compacted_when_a_tenth_too_much_is_there() {
        assert_eq!(due(extent(0, KEPT)), None);
        assert_eq!(due(extent(0, KEPT + KEPT / 10 - 1)), None);
        let much = KEPT + KEPT / 10;
        assert_eq!(due(extent(0, much)), Some(Revision::new(KEPT / 10)));
        assert_eq!(due(extent(KEPT / 10, much)), None);
    }
}
