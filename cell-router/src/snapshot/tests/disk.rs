//! A folder in memory that fails, and forgets what was not brought to the disk.

use std::{
    collections::BTreeMap,
    io::{self, Cursor, Read, Write},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use super::super::disk::Disk;

/// Clones are the same folder.
#[derive(Clone, Debug, Default)]
pub(super) struct SimDisk(Arc<Mutex<Sim>>);

#[derive(Clone, Debug, Default)]
struct Sim {
    /// By number, as a file system knows them.
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    /// The names that outlive the power.
    kept: BTreeMap<String, usize>,
    /// What was done to the names since.
    pending: Vec<Pending>,
    /// The time.
    now: Duration,
    steps: usize,
    fault: Option<Fault>,
}

#[derive(Clone, Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    /// How many of them outlive the power.
    kept: usize,
    written: Duration,
}

#[derive(Clone, Debug)]
enum Pending {
    Add(String, usize),
    Remove(String),
    Rename(String, String),
}

/// What goes wrong, and at which step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// This step fails, a write after some bytes.
    Once,
    /// This step and all behind it fail: the process is as good as dead.
    ForEver,
}

impl SimDisk {
    fn sim(&self) -> MutexGuard<'_, Sim> {
        self.0.lock().unwrap()
    }

    pub(super) fn set_time(&self, now: Duration) {
        self.sim().now = now;
    }

    pub(super) fn break_at(&self, fault: Fault) {
        self.sim().fault = Some(fault);
    }

    /// Lets a step fail, once, so many steps from now.
    pub(super) fn fail_after(&self, steps: usize) {
        let mut sim = self.sim();
        let at = sim.steps + steps;
        sim.fault = Some(Fault {
            at,
            kind: FaultKind::Once,
        });
    }

    pub(super) fn has_failed(&self) -> bool {
        let sim = self.sim();
        sim.fault.is_some_and(|fault| sim.steps > fault.at)
    }

    /// What the next process finds when only this one died.
    pub(super) fn after_kill(&self) -> Self {
        let mut sim = self.sim().clone();
        sim.fault = None;
        Self(Arc::new(Mutex::new(sim)))
    }

    /// What the next process finds when the power failed: of the names and bytes that were not brought to the disk,
    /// `chance` says which are there, in any order, and some bytes are zero.
    pub(super) fn after_power_failed(&self, mut chance: impl FnMut() -> u8) -> Self {
        let mut sim = self.sim().clone();
        sim.fault = None;
        let mut names = std::mem::take(&mut sim.kept);
        for pending in std::mem::take(&mut sim.pending) {
            if chance() < 128 {
                continue;
            }
            match pending {
                Pending::Add(name, file) => {
                    names.insert(name, file);
                }
                Pending::Remove(name) => {
                    names.remove(&name);
                }
                Pending::Rename(from, to) => {
                    if let Some(file) = names.remove(&from) {
                        names.insert(to, file);
                    }
                }
            }
        }
        for file in &mut sim.files {
            let lost = file.bytes.len() - file.kept;
            let left = lost * usize::from(chance()) / 255;
            file.bytes.truncate(file.kept + left);
            let zeros = left * usize::from(chance()) / 255;
            let end = file.bytes.len();
            file.bytes[end - zeros..].fill(0);
            file.kept = end;
        }
        sim.names.clone_from(&names);
        sim.kept = names;
        Self(Arc::new(Mutex::new(sim)))
    }

    /// Changes the bytes of a file behind everybody's back.
    pub(super) fn damage(&self, name: &str, damage: impl FnOnce(&mut Vec<u8>)) {
        let mut sim = self.sim();
        let file = sim.names[name];
        damage(&mut sim.files[file].bytes);
    }

    pub(super) fn bytes(&self, name: &str) -> Vec<u8> {
        let sim = self.sim();
        sim.files[sim.names[name]].bytes.clone()
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        let mut file = self.create(name).unwrap();
        file.write_all(bytes).unwrap();
    }
}

impl Sim {
    fn step(&mut self) -> io::Result<()> {
        let step = self.steps;
        self.steps += 1;
        match self.fault {
            Some(fault) if step == fault.at => Err(io::Error::other("fails on cue")),
            Some(fault) if step > fault.at && fault.kind == FaultKind::ForEver => {
                Err(io::Error::other("is dead"))
            }
            _ => Ok(()),
        }
    }

    fn find(&self, name: &str) -> io::Result<usize> {
        let found = self.names.get(name).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[derive(Debug)]
pub(super) struct SimFile {
    disk: SimDisk,
    file: usize,
}

impl Write for SimFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sim = self.disk.sim();
        let fate = sim.step();
        let written = if fate.is_ok() {
            bytes.len()
        } else {
            bytes.len() / 2
        };
        sim.files[self.file].bytes.extend(&bytes[..written]);
        sim.files[self.file].written = sim.now;
        fate.map(|()| written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Disk for SimDisk {
    type File = SimFile;

    fn names(&self) -> io::Result<Vec<String>> {
        let mut sim = self.sim();
        sim.step()?;
        Ok(sim.names.keys().cloned().collect())
    }

    fn open(&self, name: &str) -> io::Result<impl Read> {
        let mut sim = self.sim();
        sim.step()?;
        let file = sim.find(name)?;
        Ok(Cursor::new(sim.files[file].bytes.clone()))
    }

    fn age(&self, name: &str) -> io::Result<Option<Duration>> {
        let mut sim = self.sim();
        sim.step()?;
        let file = sim.find(name)?;
        Ok(sim.now.checked_sub(sim.files[file].written))
    }

    fn create(&self, name: &str) -> io::Result<SimFile> {
        let mut sim = self.sim();
        sim.step()?;
        if sim.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = sim.files.len();
        sim.files.push(Content::default());
        sim.names.insert(name.into(), file);
        sim.pending.push(Pending::Add(name.into(), file));
        let disk = self.clone();
        Ok(SimFile { disk, file })
    }

    fn sync(&self, file: &SimFile) -> io::Result<()> {
        let mut sim = self.sim();
        sim.step()?;
        let content = &mut sim.files[file.file];
        content.kept = content.bytes.len();
        Ok(())
    }

    fn sync_named(&self, name: &str) -> io::Result<()> {
        let mut sim = self.sim();
        sim.step()?;
        let file = sim.find(name)?;
        let content = &mut sim.files[file];
        content.kept = content.bytes.len();
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut sim = self.sim();
        sim.step()?;
        sim.kept = sim.names.clone();
        sim.pending.clear();
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut sim = self.sim();
        sim.step()?;
        let file = sim.find(from)?;
        sim.names.remove(from);
        sim.names.insert(to.into(), file);
        sim.pending.push(Pending::Rename(from.into(), to.into()));
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut sim = self.sim();
        sim.step()?;
        sim.find(name)?;
        sim.names.remove(name);
        sim.pending.push(Pending::Remove(name.into()));
        Ok(())
    }
}
