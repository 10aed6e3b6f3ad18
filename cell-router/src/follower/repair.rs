//! Gives the folder a new base while the table goes on by the log: a disk that failed is no reason to let changes wait.
//!
//! A snapshot is read as fast as the disk takes it, and goes to the folder only. Changes that come meanwhile go to the
//! table at once, and behind the base when it is whole. The base counts only when the table has come as far by the log:
//! were the two of different pasts, what follows would be a mixture.

use std::{error::Error as _, io, sync::Arc, time::Duration};

use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, pending},
    stream::{BoxStream, ReadyChunks},
};
use tenancy_types::{LogEntry, Position};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, sleep_until},
};

use super::{
    Backoff,
    filling::BATCH,
    recorder::{QUEUE, Recorder},
};
use crate::{ChangeSource, Error, Guards, SourceSnapshot, TableSize, snapshot::Totals};

/// How long a folder that cannot be written to stays without a snapshot. Each attempt costs the directory one.
const WAIT: Backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(3_600));

/// Looks after the folder for as long as a log is followed.
pub(super) struct Repair {
    state: State,
    /// Attempts in a row.
    attempts: u32,
}

enum State {
    // To `Asking` when it is time and the folder is behind.
    Waiting(Instant),
    // To `Reading` with the answer, to `Waiting` without.
    Asking(BoxFuture<'static, Result<SourceSnapshot, Error>>),
    // To `Waiting` when the base is whole, or will never be.
    Reading(Box<Reading>),
}

struct Reading {
    position: Position,
    facts: ReadyChunks<BoxStream<'static, Result<LogEntry, Error>>>,
    totals: Totals,
    /// Whether all facts are noted.
    is_read: bool,
    /// Changes that came meanwhile.
    held: Vec<LogEntry>,
}

/// What comes next.
pub(super) enum Step {
    Due,
    Answered(Result<SourceSnapshot, Error>),
    /// Facts and room for them; `None` behind the last.
    Facts(OwnedSemaphorePermit, Option<Facts>),
}

type Facts = Vec<Result<LogEntry, Error>>;

/// What the table has, and what could take its place.
pub(super) struct Known<'a> {
    pub(super) position: Position,
    pub(super) size: TableSize,
    pub(super) guards: &'a Guards,
}

impl Repair {
    pub(super) fn new() -> Self {
        Self {
            state: State::Waiting(later(0)),
            attempts: 0,
        }
    }

    /// Waits for the next step; for ever without a folder, or while only changes are missing.
    ///
    /// # Cancel safety
    /// Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self, recorder: Option<&Recorder>) -> Step {
        match (&mut self.state, recorder) {
            (State::Waiting(until), Some(_)) => {
                sleep_until(*until).await;
                Step::Due
            }
            (State::Asking(answer), Some(_)) => Step::Answered(answer.await),
            (State::Reading(reading), Some(recorder)) if !reading.is_read => {
                let room = recorder.room().await;
                Step::Facts(room, reading.facts.next().await)
            }
            _ => pending().await,
        }
    }

    /// Goes the step.
    pub(super) fn go(
        &mut self,
        step: Step,
        recorder: &mut Recorder,
        source: &Arc<impl ChangeSource>,
        known: &Known<'_>,
    ) {
        let gone = match step {
            Step::Due => {
                self.look(recorder, source);
                Ok(())
            }
            Step::Answered(answer) => {
                answer.and_then(|snapshot| self.begin(recorder, snapshot, known))
            }
            Step::Facts(room, facts) => self.note(recorder, (room, facts), known),
        };
        match gone {
            Ok(()) => self.settle(recorder, known.position),
            Err(error) => self.give_up(&error),
        }
    }

    /// Records a change that the table has by now, which makes it stand at `known`.
    pub(super) fn entry(&mut self, recorder: &mut Recorder, entry: &LogEntry, known: Position) {
        let State::Reading(reading) = &mut self.state else {
            recorder.entry(entry);
            return;
        };
        reading.held.push(entry.clone());
        if reading.held.len() > QUEUE {
            self.give_up(&too_slow());
        } else {
            self.settle(recorder, known);
        }
    }

    fn look(&mut self, recorder: &Recorder, source: &Arc<impl ChangeSource>) {
        if recorder.is_behind() {
            self.attempts = self.attempts.saturating_add(1);
            let source = Arc::clone(source);
            self.state = State::Asking(async move { source.snapshot().await }.boxed());
        } else {
            self.attempts = 0;
            self.state = State::Waiting(later(0));
        }
    }

    fn begin(
        &mut self,
        recorder: &mut Recorder,
        snapshot: SourceSnapshot,
        known: &Known<'_>,
    ) -> Result<(), Error> {
        let SourceSnapshot { position, facts } = snapshot;
        known.guards.judge_origin(Some(known.position), position)?;
        if position.history != known.position.history {
            return Err(Error::LogGap);
        }
        let begun = recorder.begin(position).now_or_never();
        begun.ok_or_else(too_slow)?;
        self.state = State::Reading(Box::new(Reading {
            position,
            facts: facts.ready_chunks(BATCH),
            totals: Totals::default(),
            is_read: false,
            held: Vec::new(),
        }));
        Ok(())
    }

    fn note(
        &mut self,
        recorder: &mut Recorder,
        (room, facts): (OwnedSemaphorePermit, Option<Facts>),
        known: &Known<'_>,
    ) -> Result<(), Error> {
        let State::Reading(reading) = &mut self.state else {
            return Ok(());
        };
        let size = Some(known.size);
        let Some(facts) = facts else {
            known.guards.judge_size(size, reading.totals.size())?;
            reading.is_read = true;
            return Ok(());
        };
        let facts: Vec<LogEntry> = facts.into_iter().collect::<Result<_, _>>()?;
        facts.iter().for_each(|fact| reading.totals.count(fact));
        known.guards.judge_growth(size, reading.totals.size())?;
        for fact in &facts {
            known.guards.judge_tenant(fact.event.tenant())?;
        }
        recorder.facts_into(room, facts);
        Ok(())
    }

    /// Ends the base when it is read and the table is as far.
    fn settle(&mut self, recorder: &mut Recorder, known: Position) {
        let State::Reading(reading) = &mut self.state else {
            return;
        };
        if reading.is_read && known.revision >= reading.position.revision {
            recorder.commit(reading.position);
            reading.held.iter().for_each(|entry| recorder.entry(entry));
            self.state = State::Waiting(later(self.attempts));
        }
    }

    fn give_up(&mut self, error: &Error) {
        tracing::warn!(%error, source = error.source(), "no new base of the route files could be made");
        self.state = State::Waiting(later(self.attempts));
    }
}

fn later(attempts: u32) -> Instant {
    Instant::now() + WAIT.wait(attempts + 1, fastrand::u32(..))
}

fn too_slow() -> Error {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

#[cfg(test)]
mod tests;
