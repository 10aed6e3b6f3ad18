use std::time::Duration;

use tenancy_types::{Nanos, Position, Revision};
use tokio::sync::watch;

use super::recorder::Records;
use crate::Refusal;
#[cfg(feature = "peer")]
use crate::snapshot::Chain;

/// How a follower is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerStatus {
    /// What its table contains, or `None` while it has never been filled.
    pub position: Option<Position>,
    /// Whether it hears of changes.
    pub contact: Contact,
    /// What is refused at present; the routes are from before it. An operator looks at the directory, and
    /// [overrules](super::Overrule) the guards when it is right.
    pub refused: Option<Refusal>,
    /// What happened so far.
    pub counts: FollowCounts,
}

/// What happened to a follower since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowCounts {
    /// Entries of the log that were new to the table.
    pub applied: u64,
    /// How often the table was filled, from a file, a peer or the directory.
    pub fillings: u64,
    /// Files that were not used, or only up to a torn end.
    pub skipped_files: u64,
    /// Snapshots that the guards refused.
    pub refusals: u64,
    /// How often the directory was lost, or did not answer, or was refused.
    pub failures: u64,
}

/// What is in a follower's folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// What a process would know that started now, or `None` while there is nothing or there is no folder. Of entries
    /// of the last second the power can take some away.
    pub position: Option<Position>,
    /// Whether entries are missing behind that, because the folder could not be written to or was too slow. A new base
    /// is made after a while.
    pub is_behind: bool,
    /// Bases that were written.
    pub bases: u64,
    /// Times that writing failed.
    pub failures: u64,
}

/// Whether a follower is in step with the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// It has not been yet: the directory was not reached, or there is more in its log than has come so far.
    Never,
    /// It contains what the directory had when contact was made, and hears of changes.
    Live,
    /// No longer: the table may be as old as this moment. Contact that breaks off again before the table has caught up
    /// changes nothing about that.
    Lost {
        /// When it was in step last, on the follower's clock.
        since: Nanos,
    },
}

impl FollowerStatus {
    /// The revision of the directory that its table shows, or `None` while it has never been filled.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.position.map(|position| position.revision)
    }

    /// How old the table may be: zero while the follower is in step, `None` before it ever was. A measure to watch,
    /// never a reason to stop answering.
    #[must_use]
    pub fn age(&self, now: Nanos) -> Option<Duration> {
        match self.contact {
            Contact::Never => None,
            Contact::Live => Some(Duration::ZERO),
            Contact::Lost { since } => Some(now.since(since)),
        }
    }
}

/// Watches a follower. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Progress {
    status: watch::Receiver<FollowerStatus>,
    records: watch::Receiver<Records>,
}

impl Progress {
    pub(super) fn new(
        status: watch::Receiver<FollowerStatus>,
        records: watch::Receiver<Records>,
    ) -> Self {
        Self { status, records }
    }

    /// How the follower is doing now.
    #[must_use]
    pub fn status(&self) -> FollowerStatus {
        *self.status.borrow()
    }

    /// Waits until the table contains the revision, so that whoever changed the directory finds the change
    /// when it answers. Returns whether it does: not when the follower was dropped before.
    ///
    /// A revision is one of the history that the table shows: whoever may have to do with a restored directory compares
    /// [`FollowerStatus::position`], too. While the follower is [frozen](crate::Refusal::Frozen) it waits.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn reached(&self, revision: Revision) -> bool {
        self.until(|status| status.revision() >= Some(revision))
            .await
    }

    /// Waits until the follower is doing so. Returns whether it does: not when it was dropped before.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn until(&self, is_so: impl Fn(&FollowerStatus) -> bool) -> bool {
        let mut status = self.status.clone();
        status.wait_for(is_so).await.is_ok()
    }

    /// What is in its folder.
    #[must_use]
    pub fn recorded(&self) -> Recorded {
        self.records.borrow().recorded()
    }

    /// What is in its folder, for whoever serves it.
    #[cfg(feature = "peer")]
    pub(crate) fn chain(&self) -> Option<Chain> {
        self.records.borrow().chain().cloned()
    }

    /// Waits until its folder is so. Returns whether it is: not when the follower was dropped and everything written
    /// before.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn until_recorded(&self, is_so: impl Fn(&Recorded) -> bool) -> bool {
        let mut records = self.records.clone();
        let there = records.wait_for(|records| is_so(&records.recorded()));
        there.await.is_ok()
    }
}
