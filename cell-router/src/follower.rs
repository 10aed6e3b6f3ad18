//! Keeps a table in step with the directory.
//!
//! A follower takes a snapshot, applies the change log behind it, and never stops. When the directory is
//! away, or its log cannot be followed, the table goes on answering from what it knows; the follower waits
//! with jitter and starts over with a snapshot, which replaces the table at once when it is complete and not
//! before.

mod backoff;
mod progress;

use std::{convert::Infallible, error::Error as _, fmt, time::Duration};

use futures_util::StreamExt;
use tenancy_types::{Clock, LogEntry, Position};
use tokio::sync::watch;

use crate::{Applied, ChangeSource, Error, RouteTable};

pub use backoff::Backoff;
pub use progress::{Contact, FollowerStatus, Progress};

/// How many facts of a snapshot enter the draft at once.
const BATCH: usize = 1_024;

/// Keeps a [`RouteTable`] in step with a [`ChangeSource`]. The table should have no other follower.
///
/// Spawn [`run`](Self::run); drop or abort it to stop.
pub struct Follower<S, T, C> {
    source: S,
    table: T,
    clock: C,
    backoff: Backoff,
    observer: Box<dyn FnMut(&LogEntry) + Send>,
    status: watch::Sender<FollowerStatus>,
    failures: u32,
}

impl<S: ChangeSource, T: RouteTable, C: Clock> Follower<S, T, C> {
    /// A follower that has not begun.
    pub fn new(source: S, table: T, clock: C) -> Self {
        let status = FollowerStatus {
            position: table.position(),
            contact: Contact::Never,
        };
        Self {
            source,
            table,
            clock,
            backoff: Backoff::default(),
            observer: Box::new(|_| {}),
            status: watch::Sender::new(status),
            failures: 0,
        }
    }

    /// Sets how long it waits after failures. By default 100 ms to 10 s.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Tells an observer, such as a limiter that follows plans, of every fact that is new to the table: those
    /// of a snapshot just before the table holds them, those of the log just after. What disappeared while
    /// the directory was away is not told. The observer must not block.
    #[must_use]
    pub fn with_observer(mut self, observer: impl FnMut(&LogEntry) + Send + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// A watch over this follower.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress(self.status.subscribe())
    }

    /// Follows for ever.
    ///
    /// # Cancel safety
    /// Dropping it leaves the table as it is; another follower may take over.
    pub async fn run(mut self) -> Infallible {
        loop {
            let error = match self.follow().await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            tokio::time::sleep(self.give_up(&error)).await;
        }
    }

    /// Notes the failure and says how long to wait.
    fn give_up(&mut self, error: &Error) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let since = self.clock.now();
        self.status.send_modify(|status| {
            if status.contact == Contact::Live {
                status.contact = Contact::Lost { since };
            }
        });
        let wait = self.backoff.wait(self.failures, fastrand::u32(..));
        tracing::warn!(%error, source = error.source(), failures = self.failures, ?wait, "directory lost");
        wait
    }

    async fn follow(&mut self) -> Result<Infallible, Error> {
        let position = self.refill().await?;
        let mut changes = self.source.changes(position);
        self.failures = 0;
        self.keep_contact();
        loop {
            let entry = changes.next().await.ok_or(Error::LogEnded)??;
            if self.table.apply(&entry) == Applied::Newer {
                (self.observer)(&entry);
            }
            self.keep_contact();
        }
    }

    /// Fills a draft beside the table and puts it in place when it is whole.
    async fn refill(&mut self) -> Result<Position, Error> {
        let snapshot = self.source.snapshot().await?;
        let mut draft = T::Draft::default();
        let mut batches = snapshot.facts.ready_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            let facts: Vec<LogEntry> = batch.into_iter().collect::<Result<_, _>>()?;
            facts.iter().for_each(&mut self.observer);
            draft.extend(facts);
        }
        self.table.replace(draft, snapshot.position);
        Ok(snapshot.position)
    }

    fn keep_contact(&self) {
        self.status.send_replace(FollowerStatus {
            position: self.table.position(),
            contact: Contact::Live,
        });
    }
}

impl<S, T: fmt::Debug, C> fmt::Debug for Follower<S, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower")
            .field("table", &self.table)
            .field("status", &*self.status.borrow())
            .finish_non_exhaustive()
    }
}
