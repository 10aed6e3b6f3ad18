//! Writes to the folder beside the path of changes.
//!
//! The follower leaves notes in a queue and never waits for the disk, but for some seconds in all while it takes a
//! snapshot. A task takes what is in the queue, writes it, and lets it outlive the power once a second. A queue that is
//! full, or a disk that fails, leaves a hole: from then on nothing is written until the next base, because nothing fits
//! behind a hole. What is lost costs the next start a longer catch-up, and nothing else.

use std::{error::Error as _, sync::Arc, time::Duration};

use tenancy_types::{LogEntry, Position, Revision};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch},
    task::spawn_blocking,
    time::{Instant, timeout, timeout_at},
};

use super::Recorded;
use crate::{
    Error,
    snapshot::{Chain, Disk, Keeper, LOOK},
};

/// How many notes may wait: some megabytes of entries.
pub(super) const QUEUE: usize = 16_384;
/// How many batches of a snapshot are among them at most.
const BATCHES: usize = 64;
/// How many notes are written at once.
const ROUND: usize = 1_024;
/// How long what was written waits until it outlives the power.
const SYNC: Duration = Duration::from_secs(1);
/// How long a single note waits for the disk.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long all facts of a snapshot together wait for the disk before it goes on without being written.
const ALLOWANCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(super) enum Note {
    Begin(Position),
    Facts(Batch),
    /// With the ends that it makes good.
    Commit(Position, u64),
    Entry(LogEntry),
    End,
}

#[derive(Debug)]
pub(super) struct Batch {
    facts: Vec<LogEntry>,
    _room: OwnedSemaphorePermit,
}

/// What became of what was written.
#[derive(Debug, Default)]
pub(super) struct Records {
    chain: Option<Chain>,
    /// Whether the files say that no log continues what is there.
    is_ended: bool,
    /// How often the directory was found to have lost changes,
    ends: u64,
    /// and how many of these times a base was written since.
    made_good: u64,
    /// Whether something could not be written.
    has_failed: bool,
    /// Whether something was not even queued.
    has_dropped: bool,
    bases: u64,
    failures: u64,
}

impl Records {
    /// What a peer may have: who starts from an ended history could not know that it is one. Whether the files say so yet
    /// is another matter.
    #[cfg(feature = "peer")]
    pub(super) fn chain(&self) -> Option<&Chain> {
        let is_whole = !self.is_ended && self.ends == self.made_good;
        self.chain.as_ref().filter(|_| is_whole)
    }

    pub(super) fn recorded(&self) -> Recorded {
        Recorded {
            position: self.chain.as_ref().map(|chain| chain.position),
            is_behind: self.has_failed || self.has_dropped,
            bases: self.bases,
            failures: self.failures,
        }
    }
}

/// The follower's end of the queue.
#[derive(Debug)]
pub(super) struct Recorder {
    notes: mpsc::Sender<Note>,
    records: watch::Sender<Records>,
    room: Arc<Semaphore>,
    /// Whether everything of the snapshot that was begun is noted so far.
    is_whole: bool,
    /// How long the disk may still keep that snapshot waiting.
    allowance: Duration,
    /// What the last snapshot contains that was noted to its end.
    base: Revision,
    /// Whether the queue had no room for an end that must come before anything else.
    owes_end: bool,
}

impl Recorder {
    /// Starts the task. It ends when it has written what was noted and the recorder is gone.
    pub(super) fn spawn<D: Disk>(mut work: Work<D>, records: watch::Sender<Records>) -> Self {
        let (notes, queue) = mpsc::channel(QUEUE);
        work.publish(&records);
        tokio::spawn(record(work, queue, records.clone()));
        Self {
            notes,
            records,
            room: Arc::new(Semaphore::new(BATCHES)),
            is_whole: false,
            allowance: ALLOWANCE,
            base: Revision::ZERO,
            owes_end: false,
        }
    }

    pub(super) fn is_behind(&self) -> bool {
        self.records.borrow().recorded().is_behind
    }

    /// The directory has lost changes: no log continues what is in the files. To be said again as long as that is so.
    pub(super) async fn end(&mut self) {
        self.records.send_if_modified(|records| {
            let is_new = records.ends == records.made_good;
            records.ends += u64::from(is_new);
            is_new
        });
        if !self.records.borrow().is_ended {
            self.owes_end = !self.send(Note::End).await;
        }
    }

    /// Notes an end that is owed; whether none is any more.
    async fn pay(&mut self) -> bool {
        if self.owes_end {
            self.owes_end = !self.send(Note::End).await;
        }
        !self.owes_end
    }

    async fn send(&self, note: Note) -> bool {
        matches!(timeout(PATIENCE, self.notes.send(note)).await, Ok(Ok(())))
    }

    /// A snapshot of this position follows.
    pub(super) async fn begin(&mut self, position: Position) {
        self.is_whole = false;
        self.allowance = ALLOWANCE;
        self.is_whole = self.pay().await && self.send(Note::Begin(position)).await;
    }

    pub(super) async fn facts(&mut self, facts: &[LogEntry]) {
        if !self.is_whole {
            return;
        }
        let began = Instant::now();
        let room = timeout(self.allowance, self.room()).await;
        self.allowance = self.allowance.saturating_sub(began.elapsed());
        match room {
            Ok(room) => self.facts_into(room, facts.to_vec()),
            Err(_) => self.is_whole = false,
        }
    }

    /// Waits until facts can be noted, however long the disk takes.
    pub(super) fn room(&self) -> impl Future<Output = OwnedSemaphorePermit> + use<> {
        let room = Arc::clone(&self.room).acquire_owned();
        async { room.await.expect("the semaphore is never closed") }
    }

    /// Notes facts for which there is room.
    pub(super) fn facts_into(&mut self, room: OwnedSemaphorePermit, facts: Vec<LogEntry>) {
        let note = Note::Facts(Batch { facts, _room: room });
        self.is_whole = self.is_whole && self.notes.try_send(note).is_ok();
    }

    /// The snapshot is whole, and in place: whatever was not noted before, nothing is missing any more. Only this makes
    /// good what was dropped, because a snapshot that breaks off leaves the table where it was, and the hole, too.
    pub(super) fn commit(&mut self, position: Position) {
        let is_whole = std::mem::take(&mut self.is_whole);
        let ends = self.records.borrow().ends;
        if is_whole && self.notes.try_send(Note::Commit(position, ends)).is_ok() {
            self.base = position.revision;
            self.records
                .send_modify(|records| records.has_dropped = false);
        } else {
            self.drop_rest();
        }
    }

    /// An entry of the log, unless the base that was noted before contains it.
    pub(super) fn entry(&mut self, entry: &LogEntry) {
        let is_due = entry.revision > self.base && !self.records.borrow().has_dropped;
        if is_due && self.notes.try_send(Note::Entry(entry.clone())).is_err() {
            self.drop_rest();
        }
    }

    fn drop_rest(&self) {
        tracing::error!("the folder of the route files is too slow, changes are not recorded");
        self.records
            .send_modify(|records| records.has_dropped = true);
    }
}

async fn record<D: Disk>(
    mut work: Work<D>,
    mut queue: mpsc::Receiver<Note>,
    records: watch::Sender<Records>,
) {
    // When what was written must outlive the power, if there is such.
    let mut due = None;
    loop {
        let mut notes = Vec::new();
        let received = queue.recv_many(&mut notes, ROUND);
        // Bases grow old without notes, too.
        let until = due.unwrap_or_else(|| Instant::now() + LOOK);
        let received = timeout_at(until, received).await.ok();
        let is_due = due.is_some_and(|due| due <= Instant::now()) || received == Some(0);
        let written = spawn_blocking(move || {
            work.write(notes);
            if is_due {
                work.sync();
            }
            work
        });
        // Only a runtime that shuts down does not give it back.
        let Ok(back) = written.await else {
            return;
        };
        work = back;
        work.publish(&records);
        due = match (is_due, due) {
            (false, None) => received.map(|_| Instant::now() + SYNC),
            (false, due) => due,
            (true, _) => None,
        };
        if received == Some(0) {
            return;
        }
    }
}

/// What the task does with the disk.
#[derive(Debug)]
pub(super) struct Work<D: Disk> {
    keeper: Keeper<D>,
    /// Whether the base that was begun could be written so far.
    draft: Option<bool>,
    has_failed: bool,
    made_good: u64,
    bases: u64,
    failures: u64,
}

impl<D: Disk> Work<D> {
    pub(super) fn new(keeper: Keeper<D>) -> Self {
        Self {
            has_failed: keeper.chain().is_none(),
            keeper,
            draft: None,
            made_good: 0,
            bases: 0,
            failures: 0,
        }
    }

    fn publish(&mut self, records: &watch::Sender<Records>) {
        records.send_modify(|records| {
            records.chain = self.keeper.chain().cloned();
            records.is_ended = self.keeper.is_ended();
            records.made_good = self.made_good;
            records.has_failed = self.has_failed;
            records.bases = self.bases;
            records.failures = self.failures;
        });
    }

    pub(super) fn write(&mut self, notes: Vec<Note>) {
        let mut entries = Vec::new();
        for note in notes {
            match note {
                Note::Entry(entry) => entries.push(entry),
                Note::Begin(position) => {
                    self.append(&std::mem::take(&mut entries));
                    let begun = self.keeper.begin(position);
                    self.draft = Some(self.went_well(begun));
                }
                Note::Facts(batch) => {
                    if self.draft == Some(true) {
                        let written = self.keeper.facts(&batch.facts);
                        self.draft = Some(self.went_well(written));
                    }
                }
                Note::Commit(position, ends) => self.commit(position, ends),
                Note::End => {
                    self.append(&std::mem::take(&mut entries));
                    self.draft = None;
                    let ended = self.keeper.end();
                    self.went_well(ended);
                }
            }
        }
        self.append(&entries);
        if self.is_due() {
            self.merge();
        }
    }

    fn commit(&mut self, position: Position, ends: u64) {
        let is_whole = self.draft.take() == Some(true);
        let committed = is_whole && {
            let committed = self.keeper.commit(position);
            self.went_well(committed)
        };
        // The table has gone on; nothing fits behind the old base any more.
        self.has_failed = !committed;
        if committed {
            self.made_good = ends;
            self.bases += 1;
            self.prune();
        }
    }

    fn append(&mut self, entries: &[LogEntry]) {
        if entries.is_empty() {
            return;
        }
        if self.draft.take().is_some() {
            // The snapshot broke off or was refused, and the table stands where it stood.
            self.keeper.discard();
        }
        if !self.has_failed {
            let appended = self.keeper.append(entries);
            self.has_failed = !self.went_well(appended);
        }
    }

    fn sync(&mut self) {
        let synced = self.keeper.sync();
        self.has_failed |= !self.went_well(synced);
    }

    fn is_due(&mut self) -> bool {
        if self.has_failed || self.draft.is_some() {
            return false;
        }
        self.keeper.is_due().unwrap_or_else(|error| {
            // The base is gone, perhaps with its folder.
            self.has_failed = !self.went_well(Err::<(), _>(error));
            false
        })
    }

    fn merge(&mut self) {
        let merged = self.keeper.merge();
        if self.went_well(merged) {
            self.bases += 1;
            self.prune();
        } else {
            // Perhaps the base itself can no longer be read.
            self.keeper.discard();
            self.has_failed = true;
        }
    }

    fn prune(&mut self) {
        let pruned = self.keeper.prune();
        self.went_well(pruned);
    }

    fn went_well<E: Into<Error>>(&mut self, result: Result<(), E>) -> bool {
        let Err(error) = result.map_err(Into::into) else {
            return true;
        };
        self.failures += 1;
        tracing::error!(%error, source = error.source(), "route files are behind");
        false
    }
}

#[cfg(test)]
mod tests;
