//! Fills the table at once: from files, a peer, or the directory.

use std::error::Error as _;

use futures_util::StreamExt;
use tenancy_types::{Clock, History, LogEntry, Position};
use tokio::task::spawn_blocking;

use super::{
    Follower, Observer,
    judging::Origin,
    recorder::{Recorder, Work},
};
use crate::{
    ChangeSource, Error, Refusal, RouteTable, SourceSnapshot,
    snapshot::{Keeper, RealDisk, Skipped, Totals},
};

/// How many facts of a snapshot enter the draft at once.
pub(super) const BATCH: usize = 1_024;

impl<S: ChangeSource, T: RouteTable, C: Clock> Follower<S, T, C> {
    /// Reads the folder and opens it for what comes.
    pub(super) async fn start(&mut self) {
        let Some(folder) = &self.folder else {
            return;
        };
        let keeper = folder.keeper(self.guards);
        let keeper = match self.table.position() {
            None => self.load(keeper).await,
            Some(position) => self.take_over(keeper, position.history).await,
        };
        let work = Work::new(keeper);
        self.recorder = Some(Recorder::spawn(work, self.records.clone()));
    }

    /// Somebody else filled the table: what is in the files need not be behind it. But they may say that the directory has
    /// lost changes of this history.
    async fn take_over(&mut self, keeper: Keeper<RealDisk>, history: History) -> Keeper<RealDisk> {
        let looked = spawn_blocking(move || (keeper.find_end(), keeper)).await;
        let (end, keeper) = looked.expect("looking at files does not panic");
        match end {
            Ok(ended) if ended == Some(history) => self.judging.freeze(history),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "route files cannot be read"),
        }
        keeper
    }

    /// Fills the table from files. Reading millions of facts would hold up the runtime.
    async fn load(&mut self, mut keeper: Keeper<RealDisk>) -> Keeper<RealDisk> {
        let idle: Observer = Box::new(|_| {});
        let mut observer = std::mem::replace(&mut self.observer, idle);
        let read = spawn_blocking(move || {
            let mut skipped = Vec::new();
            let loaded = keeper.load::<T::Draft>(&mut observer, &mut skipped);
            let loaded = loaded.map(|loaded| {
                loaded.map(|loaded| {
                    let contents = T::prepare(loaded.draft, loaded.position);
                    (contents, loaded.ended)
                })
            });
            (keeper, observer, loaded, skipped)
        });
        let (keeper, observer, loaded, skipped) = read.await.expect("reading files does not panic");
        self.observer = observer;
        skipped.iter().for_each(log_skipped);
        self.status
            .send_modify(|status| status.counts.skipped_files += skipped.len() as u64);
        match loaded {
            Ok(Some((contents, ended))) => {
                self.put(contents);
                if let Some(history) = ended {
                    self.judging.freeze(history);
                }
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, source = error.source(), "route files cannot be read");
            }
        }
        keeper
    }

    /// Asks every peer until one knows something newer.
    pub(super) async fn ask_peers(&mut self) {
        let peers = std::mem::take(&mut self.peers);
        // Processes that start together should not all ask the same one.
        let first = fastrand::usize(..peers.len().max(1));
        for peer in peers.iter().cycle().skip(first).take(peers.len()) {
            let result = match peer.fetch(self.table.position()).await {
                Ok(None) => continue,
                Ok(Some(snapshot)) => self.fill(Origin::Peer, snapshot).await,
                Err(error) => Err(error),
            };
            match result {
                Ok(()) => break,
                Err(error) => {
                    tracing::warn!(%error, source = error.source(), "a peer was of no use");
                }
            }
        }
        self.peers = peers;
    }

    /// Fills a draft beside the table, and puts it in place when it is whole and the guards let it pass.
    pub(super) async fn fill(
        &mut self,
        from: Origin,
        snapshot: SourceSnapshot,
    ) -> Result<(), Error> {
        let SourceSnapshot { position, facts } = snapshot;
        self.judge_origin(from, position).await?;
        let known = self.table.position().map(|_| self.table.size());
        if let Some(recorder) = &mut self.recorder {
            recorder.begin(position).await;
        }
        let (mut draft, mut totals) = (T::Draft::default(), Totals::default());
        let mut batches = facts.ready_chunks(BATCH);
        while let Some(batch) = batches.next().await {
            let facts: Vec<LogEntry> = batch.into_iter().collect::<Result<_, _>>()?;
            facts.iter().for_each(|fact| totals.count(fact));
            self.judge(from, self.guards.judge_growth(known, totals.size()))?;
            for fact in &facts {
                self.judge(from, self.guards.judge_tenant(fact.event.tenant()))?;
            }
            facts.iter().for_each(&mut self.observer);
            if let Some(recorder) = &mut self.recorder {
                recorder.facts(&facts).await;
            }
            draft.extend(facts);
        }
        self.judge(from, self.guards.judge_size(known, totals.size()))?;
        // Millions of names are put in order now, which would hold up the runtime.
        let contents = spawn_blocking(move || T::prepare(draft, position)).await;
        self.put(contents.expect("contents can be made of a draft"));
        if from == Origin::Directory {
            self.overrule.close();
            self.status.send_modify(|status| status.refused = None);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.commit(position);
        }
        self.judging.thaw();
        Ok(())
    }

    /// In this task and at once: a follower that is dropped puts nothing over what another one has put in place since.
    fn put(&self, contents: T::Contents) {
        let old = self.table.put(contents);
        // Freeing millions of names takes a while, too.
        spawn_blocking(move || drop(old));
        let position = self.table.position();
        self.status.send_modify(|status| {
            status.position = position;
            status.counts.fillings += 1;
        });
    }

    /// Whether facts from there may be taken: if so, whether an operator had to overrule the guards.
    pub(super) async fn judge_origin(
        &mut self,
        from: Origin,
        offered: Position,
    ) -> Result<bool, Error> {
        let known = self.table.position();
        let verdict = self.judging.judge(&self.guards, from, known, offered);
        // The files must say so, too, or the next process would follow the log once it has grown.
        if let (true, Some(recorder)) = (self.judging.is_frozen(), &mut self.recorder) {
            recorder.end().await;
        }
        self.judge(from, verdict)
    }

    pub(super) fn judge(&self, from: Origin, verdict: Result<(), Refusal>) -> Result<bool, Error> {
        let Err(refusal) = verdict else {
            return Ok(false);
        };
        let is_of_directory = from == Origin::Directory;
        if is_of_directory && self.overrule.permits(&refusal) {
            return Ok(true);
        }
        self.status.send_modify(|status| {
            status.counts.refusals += 1;
            if is_of_directory {
                let is_new = status.refused.is_none_or(|known| !known.is_like(&refusal));
                if is_new {
                    tracing::error!(%refusal, "routes stay as they are until somebody has looked");
                }
                status.refused = Some(refusal);
            }
        });
        Err(refusal.into())
    }
}

fn log_skipped(skipped: &Skipped) {
    let Skipped { file, why } = skipped;
    tracing::warn!(file, error = %why, source = why.source(), "a route file is not used, or only in part");
}
