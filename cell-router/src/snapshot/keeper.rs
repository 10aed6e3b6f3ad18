//! Keeps the files of a folder: which there are, which is written, which can go.

use std::{io, time::Duration};

use tenancy_types::{History, LogEntry, Position};

use super::{
    Guards,
    disk::Disk,
    load::{self, Chosen, FileName, Part, Role, Skipped, files},
    writer::FactWriter,
};
use crate::Error;

/// Logs are merged into their base when they have a fourth of its bytes, because a merge writes it anew, but not before
const SMALL: u64 = 1 << 20;
/// and not behind so many bytes, because a merge, a start and a peer hold the logs in memory.
const LARGE: u64 = 16 << 20;
/// Each run of the process begins a log of its own, so restarts count, too.
const LOGS: usize = 16;

/// What the directory has no more is in no file after so long, so that tenants who left can be forgotten:
const FORGOTTEN: Duration = Duration::from_secs(24 * 3_600);
/// by then as many bases were made as are kept. Whether one is due is looked at so often.
pub(crate) const LOOK: Duration = Duration::from_secs(600);

/// How many blocks of facts may wait for the table that is made of them.
const BLOCKS: usize = 16;

/// The files of a folder. One process writes to it.
#[derive(Debug)]
pub(crate) struct Keeper<D: Disk> {
    disk: D,
    guards: Guards,
    keep: usize,
    /// What a process that starts now would read.
    chain: Option<Chain>,
    /// Whether logs of earlier processes may still be lost to the power.
    has_inherited: bool,
    log: Option<OpenLog<D::File>>,
    draft: Option<(FileName, FactWriter<D::File>)>,
    /// Whether the directory has lost changes, so that no log continues what is there.
    end: End,
    /// Whether a base that is of the future was made anew.
    has_met_future: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    No,
    /// Nothing may be written before that is.
    Owed,
    Written,
}

/// A base and the logs behind it.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(super) base: Part,
    pub(super) logs: Vec<Part>,
    /// What they contain together.
    pub(crate) position: Position,
}

#[cfg(feature = "peer")]
impl Chain {
    /// What a peer gets: so many bytes of each, the logs first.
    pub(crate) fn files(&self) -> impl Iterator<Item = (String, u64)> {
        let parts = self.logs.iter().chain([&self.base]);
        parts.map(|part| (part.name.to_string(), part.bytes))
    }
}

#[derive(Debug)]
struct OpenLog<F> {
    name: FileName,
    writer: FactWriter<F>,
    /// Whether its name outlives the power.
    named: bool,
}

/// What was read from a folder.
#[derive(Debug)]
pub(crate) struct Loaded<T> {
    /// The facts, in a form of the caller's.
    pub(crate) draft: T,
    pub(crate) position: Position,
    /// Their history, if the directory was found to have lost changes of it.
    pub(crate) ended: Option<History>,
}

impl<D: Disk> Keeper<D> {
    pub(crate) fn new(disk: D, keep: usize, guards: Guards) -> Self {
        Self {
            disk,
            guards,
            keep,
            chain: None,
            has_inherited: false,
            log: None,
            draft: None,
            end: End::No,
            has_met_future: false,
        }
    }

    /// The history that the newest base says was ended, if it does.
    pub(crate) fn find_end(&self) -> io::Result<Option<History>> {
        let chosen = load::choose(&self.disk, &self.guards, .., &mut Vec::new())?;
        let ended = chosen.filter(|chosen| chosen.is_ended);
        Ok(ended.map(|chosen| chosen.overlay.position().history))
    }

    /// Fills a draft from the newest files that are whole. What it wrote before is left as it is.
    pub(crate) fn load<T: Default + Extend<LogEntry>>(
        &mut self,
        mut observe: impl FnMut(&LogEntry),
        skipped: &mut Vec<Skipped>,
    ) -> Result<Option<Loaded<T>>, Error> {
        let mut below = u64::MAX;
        while let Some(chosen) = load::choose(&self.disk, &self.guards, ..below, skipped)? {
            let (name, logs) = (chosen.base, chosen.logs.clone());
            let position = chosen.overlay.position();
            let is_ended = chosen.is_ended;
            let mut draft = T::default();
            let read = self.read(chosen, |facts| {
                facts.iter().for_each(&mut observe);
                draft.extend(facts);
            });
            below = name.number;
            match read {
                Ok(bytes) => {
                    let base = Part { name, bytes };
                    self.chain = Some(Chain {
                        base,
                        logs,
                        position,
                    });
                    self.end = if is_ended { End::Written } else { End::No };
                    self.has_inherited = true;
                    let ended = is_ended.then_some(position.history);
                    return Ok(Some(Loaded {
                        draft,
                        position,
                        ended,
                    }));
                }
                Err(why) => skipped.push(Skipped {
                    file: name.to_string(),
                    why,
                }),
            }
        }
        Ok(None)
    }

    /// Reads in a thread of its own, so that a table is made of one block while the next one is read.
    fn read(&self, chosen: Chosen, mut take: impl FnMut(Vec<LogEntry>)) -> Result<u64, Error> {
        std::thread::scope(|scope| {
            let (blocks, read) = std::sync::mpsc::sync_channel(BLOCKS);
            let reader = scope.spawn(move || {
                chosen.read(&self.disk, &self.guards, |facts| {
                    // The other end is there for as long as something is sent.
                    blocks.send(facts).ok();
                    Ok(())
                })
            });
            read.into_iter().for_each(&mut take);
            reader.join().expect("reading does not panic")
        })
    }

    /// What is in the files now.
    pub(crate) fn chain(&self) -> Option<&Chain> {
        self.chain.as_ref()
    }

    /// Begins a base, in place of one that was begun and not ended.
    pub(crate) fn begin(&mut self, position: Position) -> io::Result<()> {
        self.draft = None;
        if self.end == End::Owed {
            self.end()?;
        }
        self.remove_drafts()?;
        let (name, file) = self.create(Role::Draft)?;
        self.draft = Some((name, FactWriter::base(file, position)?));
        Ok(())
    }

    /// Adds facts to the base that was begun.
    pub(crate) fn facts(&mut self, facts: &[LogEntry]) -> io::Result<()> {
        let (_, writer) = self.draft.as_mut().expect("a base was begun");
        facts.iter().try_for_each(|fact| writer.push(fact))
    }

    /// Ends the base: from now on it is what a process reads that starts, also when the power fails.
    pub(crate) fn commit(&mut self, position: Position) -> io::Result<()> {
        let (draft, writer) = self.draft.take().expect("a base was begun");
        let (file, bytes) = writer.end()?;
        self.disk.sync(&file)?;
        drop(file);
        let name = FileName {
            role: Role::Base,
            ..draft
        };
        self.disk.rename(&draft.to_string(), &name.to_string())?;
        self.disk.sync_names()?;
        self.log = None;
        self.chain = Some(Chain {
            base: Part { name, bytes },
            logs: Vec::new(),
            position,
        });
        self.end = End::No;
        Ok(())
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.end == End::Written
    }

    /// Writes that no log that comes continues what is there: the directory gives revisions out again that it has lost.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        self.draft = None;
        self.log = None;
        if self.end != End::Written {
            self.end = End::Owed;
            let (_, file) = self.create(Role::End)?;
            self.disk.sync(&file)?;
            self.disk.sync_names()?;
            self.end = End::Written;
        }
        Ok(())
    }

    /// Gives up the base that was begun, if any.
    pub(crate) fn discard(&mut self) {
        self.draft = None;
    }

    /// Writes entries behind what is there. They outlive the process from now on, and the power from the next
    /// [`sync`](Self::sync).
    pub(crate) fn append(&mut self, entries: &[LogEntry]) -> io::Result<()> {
        let Some(last) = entries.last() else {
            return Ok(());
        };
        let position = self
            .chain
            .as_ref()
            .expect("a log continues a base")
            .position;
        if self.log.is_none() {
            self.settle()?;
            let (name, file) = self.create(Role::Log)?;
            let writer = FactWriter::log(file, position)?;
            let named = false;
            self.log = Some(OpenLog {
                name,
                writer,
                named,
            });
        }
        let log = self.log.as_mut().expect("it was opened just now");
        let written = (entries.iter())
            .try_for_each(|entry| log.writer.push(entry))
            .and_then(|()| log.writer.flush());
        let part = Part {
            name: log.name,
            bytes: log.writer.written(),
        };
        if let Err(error) = written {
            // What was written of it may be torn; another log continues where this one is good.
            self.log = None;
            return Err(error);
        }
        let chain = self.chain.as_mut().expect("a log continues a base");
        chain.logs.retain(|log| log.name != part.name);
        chain.logs.push(part);
        chain.position = position.at(last.revision);
        Ok(())
    }

    /// Lets what was appended outlive the power.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.settle()?;
        if let Some(log) = &mut self.log {
            self.disk.sync(log.writer.out())?;
            if !log.named {
                self.disk.sync_names()?;
                log.named = true;
            }
        }
        Ok(())
    }

    /// Lets logs of earlier processes outlive the power, too: were their ends lost, nothing would fit behind them.
    fn settle(&mut self) -> io::Result<()> {
        if let (true, Some(chain)) = (self.has_inherited, &self.chain) {
            let mut logs = chain.logs.iter();
            logs.try_for_each(|log| self.disk.sync_named(&log.name.to_string()))?;
            self.disk.sync_names()?;
        }
        self.has_inherited = false;
        Ok(())
    }

    /// Whether base and logs should be merged: for the length of the logs, or for the age of the base.
    pub(crate) fn is_due(&mut self) -> io::Result<bool> {
        Ok(self.is_long() || self.is_old()?)
    }

    fn is_old(&mut self) -> io::Result<bool> {
        let (End::No, Some(chain)) = (self.end, &self.chain) else {
            return Ok(false);
        };
        let bases = u32::try_from(self.keep.max(1)).unwrap_or(u32::MAX);
        let oldest = (FORGOTTEN / bases).saturating_sub(LOOK).max(LOOK);
        let age = self.disk.age(&chain.base.name.to_string())?;
        let Some(age) = age else {
            // Where the clock of the files is ahead of ours, a new base is of the future, too.
            return Ok(!std::mem::replace(&mut self.has_met_future, true));
        };
        Ok(age >= oldest)
    }

    fn is_long(&self) -> bool {
        // A merged base would be behind the end, and not know of it.
        self.end == End::No
            && self.chain.as_ref().is_some_and(|chain| {
                let bytes: u64 = chain.logs.iter().map(|log| log.bytes).sum();
                chain.logs.len() > LOGS || bytes > (chain.base.bytes / 4).clamp(SMALL, LARGE)
            })
    }

    /// Makes a base of base and logs, from file to file: one batch and the logs are in memory at once.
    pub(crate) fn merge(&mut self) -> Result<(), Error> {
        let Some(Chain { base, position, .. }) = self.chain else {
            return Ok(());
        };
        let number = base.name.number;
        let mut skipped = Vec::new();
        let chosen = load::choose(&self.disk, &self.guards, number..=number, &mut skipped)?;
        let Some(chosen) = chosen.filter(|chosen| chosen.overlay.position() == position) else {
            let why = skipped.pop().map(|skipped| skipped.why);
            return Err(why.unwrap_or_else(|| super::Damage::Hole.into()));
        };
        self.begin(position)?;
        let (_, writer) = self.draft.as_mut().expect("it was begun just now");
        chosen.read(&self.disk, &self.guards, |facts| {
            let written = facts.iter().try_for_each(|fact| writer.push(fact));
            written.map_err(Error::from)
        })?;
        Ok(self.commit(position)?)
    }

    /// Makes the next file.
    fn create(&self, role: Role) -> io::Result<(FileName, D::File)> {
        let last = files(&self.disk)?.last().map_or(0, |file| file.number);
        let number = last + 1;
        let name = FileName { number, role };
        Ok((name, self.disk.create(&name.to_string())?))
    }

    fn remove_drafts(&self) -> io::Result<()> {
        let files = files(&self.disk)?.into_iter();
        let mut drafts = files.filter(|file| file.role == Role::Draft);
        drafts.try_for_each(|draft| self.disk.remove(&draft.to_string()))
    }

    /// Removes all but the last bases and the logs behind them.
    pub(crate) fn prune(&self) -> io::Result<()> {
        let files = files(&self.disk)?;
        let bases = files.iter().rev().filter(|file| file.role == Role::Base);
        let Some(oldest) = bases.take(self.keep.max(1)).last() else {
            return Ok(());
        };
        let mut old = files.iter().filter(|file| file.number < oldest.number);
        old.try_for_each(|file| self.disk.remove(&file.to_string()))
    }
}
