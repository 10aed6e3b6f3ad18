use std::time::Duration;

use tenancy_types::{Nanos, Position, Revision};
use tokio::sync::watch;

/// How a follower is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowerStatus {
    /// What its table contains, or `None` while it has never been filled.
    pub position: Option<Position>,
    /// Whether it hears of changes.
    pub contact: Contact,
}

/// Whether a follower hears of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    /// Not yet.
    Never,
    /// Yes.
    Live,
    /// No longer: the table may be as old as this moment.
    Lost {
        /// When it was lost, on the follower's clock.
        since: Nanos,
    },
}

impl FollowerStatus {
    /// The revision of the directory that its table shows, or `None` while it has never been filled.
    #[must_use]
    pub fn revision(&self) -> Option<Revision> {
        self.position.map(|position| position.revision)
    }

    /// How old the table may be: zero while the follower hears of changes, `None` before it ever did. A
    /// measure to watch, never a reason to stop answering.
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
pub struct Progress(pub(super) watch::Receiver<FollowerStatus>);

impl Progress {
    /// How the follower is doing now.
    #[must_use]
    pub fn status(&self) -> FollowerStatus {
        *self.0.borrow()
    }

    /// Waits until the table contains the revision, so that whoever changed the directory finds the change
    /// when it answers. Returns whether it does: not when the follower was dropped before.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub async fn reached(&self, revision: Revision) -> bool {
        let mut status = self.0.clone();
        let there = status.wait_for(|status| status.revision() >= Some(revision));
        there.await.is_ok()
    }
}
