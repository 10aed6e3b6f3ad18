//! Keeps a table in step with the directory.
//!
//! # What it does
//! 1. **Starts** from its [folder](SnapshotFolder), if it has one: the table is ready before the directory was asked.
//! 2. **Follows** the change log from where the table stands. Only when the log cannot be followed from there it takes a
//!    snapshot, fills a draft beside the table, and puts it in place at once when it is complete and not before.
//! 3. **Waits** with jitter after a failure, and goes on. Meanwhile the table answers from what it knows.
//! 4. **Records** what it puts into the table, beside the path that a change takes: a slow disk delays no route. A folder
//!    that could not be written to gets a new base beside that path, too.
//!
//! Whatever would take the place of the table passes the [`Guards`] first. While something is refused, the last good
//! routes stay, and the follower goes on asking. A directory that has lost changes is *frozen* for it, however far it has
//! grown since, and over restarts if there is a folder, until its incarnation rises or an operator
//! [overrules](Overrule) the guards. While the directory was never met, peers are asked, too: in each round without routes, and once with routes
//! from files.
//!
//! # What it does not believe
//! Entries may come twice. One that comes late, or that names a tenant that was never placed, shows that something was
//! left out, and a snapshot is taken. (A hole between revisions shows nothing: the log has holes where tenants were
//! forgotten.) No wall clock is read, but for the age of files.

mod backoff;
mod filling;
mod judging;
mod order;
mod overrule;
mod peer;
mod progress;
mod recorder;
mod repair;

use std::{convert::Infallible, error::Error as _, fmt, pin::pin, sync::Arc, time::Duration};

use futures_util::{
    StreamExt,
    future::{Either, select},
};
use tenancy_types::{Clock, DirectoryEvent, LogEntry, Nanos, Revision};
use tokio::{sync::watch, time::timeout};

use crate::{Applied, ChangeSource, Error, Guards, RouteTable, SnapshotFolder};

pub use backoff::Backoff;
pub use overrule::Overrule;
pub use peer::Peer;
pub use progress::{Contact, FollowCounts, FollowerStatus, Progress, Recorded};

use judging::{Judging, Origin};
use order::{Arrival, Order};
use recorder::{Recorder, Records};
use repair::{Known, Repair, Step};

type Observer = Box<dyn FnMut(&LogEntry) + Send>;

/// Keeps a [`RouteTable`] in step with a [`ChangeSource`]. The table should have no other follower.
///
/// Spawn [`run`](Self::run); drop or abort it to stop.
pub struct Follower<S, T, C> {
    source: Arc<S>,
    table: Arc<T>,
    clock: C,
    backoff: Backoff,
    guards: Guards,
    folder: Option<SnapshotFolder>,
    peers: Vec<Box<dyn Peer>>,
    observer: Observer,
    overrule: Overrule,
    judging: Judging,
    status: watch::Sender<FollowerStatus>,
    records: watch::Sender<Records>,
    recorder: Option<Recorder>,
    /// Failures in a row.
    failures: u32,
    /// When the present contact began.
    live_since: Option<Nanos>,
    /// Whether the log cannot be followed from where the table stands.
    is_lost: bool,
    /// Whether the directory was ever followed.
    has_met: bool,
}

impl<S: ChangeSource, T: RouteTable, C: Clock> Follower<S, T, C> {
    /// A follower that has not begun.
    pub fn new(source: S, table: T, clock: C) -> Self {
        let status = FollowerStatus {
            position: table.position(),
            contact: Contact::Never,
            refused: None,
            counts: FollowCounts::default(),
        };
        Self {
            source: Arc::new(source),
            table: Arc::new(table),
            clock,
            backoff: Backoff::default(),
            guards: Guards::default(),
            folder: None,
            peers: Vec::new(),
            observer: Box::new(|_| {}),
            overrule: Overrule::default(),
            judging: Judging::default(),
            status: watch::Sender::new(status),
            records: watch::Sender::default(),
            recorder: None,
            failures: 0,
            live_since: None,
            is_lost: false,
            has_met: false,
        }
    }

    /// Sets how long it waits after failures. By default 100 ms to 10 s.
    #[must_use]
    pub fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets what a snapshot must be like to take the place of the table.
    #[must_use]
    pub fn with_guards(mut self, guards: Guards) -> Self {
        self.guards = guards;
        self
    }

    /// Starts from the files of a folder, and keeps them up to date. By default nothing outlives the process.
    #[must_use]
    pub fn with_folder(mut self, folder: SnapshotFolder) -> Self {
        self.folder = Some(folder);
        self
    }

    /// Adds a peer to ask while the directory has not been met since the start: in each round without routes, and once
    /// with routes from files. The directory is not asked meanwhile, so the peer's deadline counts.
    #[must_use]
    pub fn with_peer(mut self, peer: impl Peer) -> Self {
        self.peers.push(Box::new(peer));
        self
    }

    /// Tells an observer, such as a limiter that follows plans, of every fact that is new to the table: those of a file
    /// or snapshot just before the table holds them, also when the snapshot is refused in the end for its size; those of
    /// the log just after. What disappeared while the directory was away is not told. The observer must not block.
    #[must_use]
    pub fn with_observer(mut self, observer: impl FnMut(&LogEntry) + Send + 'static) -> Self {
        self.observer = Box::new(observer);
        self
    }

    /// A watch over this follower.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress::new(self.status.subscribe(), self.records.subscribe())
    }

    /// The operator's way to let something through that the guards refuse.
    #[must_use]
    pub fn overrule(&self) -> Overrule {
        self.overrule.clone()
    }

    /// Follows for ever.
    ///
    /// # Cancel safety
    /// Dropping it leaves the table as it is; another follower may take over. What was handed to the disk is still
    /// written. That the directory has lost changes is known to the one that takes over if it has the same folder; without
    /// one it believes the directory as soon as that has grown past the table.
    pub async fn run(mut self) -> Infallible {
        self.start().await;
        loop {
            let error = match self.follow().await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            let wait = self.give_up(&error);
            // Somebody who has routes asks once for newer ones: a peer that stalls would keep it from the directory.
            let is_bare = self.table.position().is_none();
            if !self.has_met && (is_bare || self.failures == 1) {
                self.ask_peers().await;
            }
            // Who overrules the guards need not wait.
            timeout(wait, self.overrule.given()).await.ok();
        }
    }

    /// Notes the failure and says how long to wait.
    fn give_up(&mut self, error: &Error) -> Duration {
        let since = self.clock.now();
        let was_live = self.live_since.take();
        if was_live.is_some_and(|began| since.since(began) >= self.backoff.most()) {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        self.is_lost |= matches!(error, Error::LogGap);
        self.status.send_modify(|status| {
            status.counts.failures += 1;
            if status.contact == Contact::Live {
                status.contact = Contact::Lost { since };
            }
        });
        let wait = self.backoff.wait(self.failures, fastrand::u32(..));
        tracing::warn!(%error, source = error.source(), failures = self.failures, ?wait, "directory lost");
        wait
    }

    async fn follow(&mut self) -> Result<Infallible, Error> {
        let newest = self.source.newest().await?;
        let known = self.table.position();
        // Also when the log could be followed: one that lost changes gives their numbers to others.
        let is_overruled = self.judge_origin(Origin::Directory, newest).await?;
        let is_strange = known.is_none_or(|known| known.history != newest.history);
        if is_strange || is_overruled || self.is_lost {
            let snapshot = self.source.snapshot().await?;
            self.fill(Origin::Directory, snapshot).await?;
            self.is_lost = false;
        }
        self.apply_changes(newest.revision).await
    }

    /// Follows the log. Only when everything has come that was there when the log's end was asked for, `goal`, the table
    /// is in step.
    async fn apply_changes(&mut self, goal: Revision) -> Result<Infallible, Error> {
        let position = self.table.position().ok_or(Error::LogGap)?;
        let mut changes = self.source.changes(position);
        let mut order = Order::behind(position.revision);
        let mut repair = Repair::new();
        self.has_met = true;
        self.show(goal);
        loop {
            let next = {
                let step = pin!(repair.next(self.recorder.as_ref()));
                match select(changes.next(), step).await {
                    Either::Left((entry, _)) => Either::Left(entry),
                    Either::Right((step, _)) => Either::Right(step),
                }
            };
            match next {
                Either::Left(entry) => {
                    let entry = entry.ok_or(Error::LogEnded)??;
                    self.take(&entry, &mut order, &mut repair)?;
                    self.show(goal);
                }
                Either::Right(step) => self.repair(&mut repair, step),
            }
        }
    }

    /// Applies an entry of the log.
    fn take(
        &mut self,
        entry: &LogEntry,
        order: &mut Order,
        repair: &mut Repair,
    ) -> Result<(), Error> {
        match order.arrive(entry.revision) {
            Arrival::Next => {}
            Arrival::Repeated => return Ok(()),
            // What else is missing cannot be known.
            Arrival::Late => return Err(Error::LogGap),
        }
        let tenant = entry.event.tenant();
        self.judge(Origin::Directory, self.guards.judge_tenant(tenant))?;
        let is_placed = matches!(entry.event, DirectoryEvent::Placed { .. });
        if !is_placed && self.table.placement(tenant).is_none() {
            return Err(Error::LogGap);
        }
        if self.table.apply(entry) == Applied::Newer {
            (self.observer)(entry);
            self.failures = 0;
            self.status.send_modify(|status| status.counts.applied += 1);
        }
        if let (Some(recorder), Some(position)) = (&mut self.recorder, self.table.position()) {
            repair.entry(recorder, entry, position);
        }
        Ok(())
    }

    /// Looks after the folder.
    fn repair(&mut self, repair: &mut Repair, step: Step) {
        if let (Some(recorder), Some(position)) = (&mut self.recorder, self.table.position()) {
            let known = Known {
                position,
                size: self.table.size(),
                guards: &self.guards,
            };
            repair.go(step, recorder, &self.source, &known);
        }
    }

    /// Shows how far the table is.
    fn show(&mut self, goal: Revision) {
        let position = self.table.position();
        let is_in_step = position.is_some_and(|position| position.revision >= goal);
        if is_in_step && self.live_since.is_none() {
            self.live_since = Some(self.clock.now());
            self.overrule.close();
        }
        self.status.send_modify(|status| {
            status.position = position;
            if is_in_step {
                status.contact = Contact::Live;
                status.refused = None;
            }
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
