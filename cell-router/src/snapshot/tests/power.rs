//! Whatever fails, and whenever: what is read then was so once, and is no older than what was promised.

use proptest::{collection::vec, prelude::*};
use tenancy_types::Position;

use super::{
    super::{Guards, Keeper},
    disk::{Fault, FaultKind, SimDisk},
    story::{Facts, Story, story},
};

/// What is done with the files while a story is told.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Appends this many entries.
    Append(usize),
    Sync,
    Merge,
    /// Jumps over this many entries with a base.
    Base(usize),
    /// Begins a base, and gives it up.
    GiveUp,
    /// Ends the process and starts it again.
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..6_usize).prop_map(Act::Append),
        2 => Just(Act::Sync),
        1 => Just(Act::Merge),
        1 => (0..6_usize).prop_map(Act::Base),
        1 => Just(Act::GiveUp),
        1 => Just(Act::Restart),
    ]
}

/// A process with its files, and what it may rely on.
struct Run<'a> {
    story: &'a Story,
    keeper: Keeper<SimDisk>,
    disk: SimDisk,
    /// Entries of the story that were told.
    told: usize,
    /// What must outlive the process, and what the power.
    handed: Option<Position>,
    synced: Option<Position>,
}

type Done = Result<(), crate::Error>;

fn keeper(disk: &SimDisk) -> Keeper<SimDisk> {
    Keeper::new(disk.clone(), 2, Guards::default())
}

/// What a process finds that starts now, and the model it got.
fn read(disk: &SimDisk) -> Option<(Position, Facts)> {
    let mut skipped = Vec::new();
    let loaded = keeper(disk).load::<Facts>(|_| {}, &mut skipped).unwrap();
    loaded.map(|loaded| (loaded.position, loaded.draft))
}

impl<'a> Run<'a> {
    fn new(story: &'a Story) -> Self {
        let disk = SimDisk::default();
        Self {
            story,
            keeper: keeper(&disk),
            disk,
            told: 0,
            handed: None,
            synced: None,
        }
    }

    fn act(&mut self, act: Act) -> Done {
        match act {
            Act::Append(entries) if self.handed.is_some() => {
                let end = self.story.log.len().min(self.told + entries);
                self.keeper.append(&self.story.log[self.told..end])?;
                self.told = end;
                self.handed = Some(self.here());
            }
            Act::Sync => {
                self.keeper.sync()?;
                self.synced = self.handed;
            }
            Act::Merge if self.handed.is_some() => {
                self.keeper.merge()?;
                self.synced = self.handed;
                self.keeper.prune()?;
            }
            Act::Append(entries) | Act::Base(entries) => {
                self.told = self.story.log.len().min(self.told + entries);
                self.base()?;
                self.handed = Some(self.here());
                self.synced = self.handed;
                self.keeper.prune()?;
            }
            Act::GiveUp => {
                self.keeper.begin(self.here())?;
                self.keeper.discard();
            }
            Act::Restart => {
                self.keeper = keeper(&self.disk);
                let loaded = self.keeper.load::<Facts>(|_| {}, &mut Vec::new())?;
                let position = loaded.map(|loaded| loaded.position);
                if position != self.handed {
                    assert!(self.disk.has_failed(), "{position:?} of {:?}", self.handed);
                    return Err(crate::Error::LogEnded);
                }
            }
            Act::Merge => {}
        }
        Ok(())
    }

    fn here(&self) -> Position {
        self.story.position(self.told)
    }

    fn base(&mut self) -> Done {
        let position = self.here();
        self.keeper.begin(position)?;
        let facts = self.story.models[self.told].facts(position.revision);
        self.keeper.facts(&facts)?;
        Ok(self.keeper.commit(position)?)
    }

    /// What is read must be what was so at some time, and not before what was promised.
    #[track_caller]
    fn check(&self, disk: &SimDisk, promised: Option<Position>) {
        let found = read(disk);
        if let Some((position, facts)) = &found {
            assert_eq!(facts.model(), *self.story.at(*position));
        }
        let found = found.map(|(position, _)| position.revision);
        let promised = promised.map(|position| position.revision);
        assert!(found >= promised, "{found:?} of {promised:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_process_that_dies_or_loses_its_power_starts_from_what_was_so(
        story in story(40),
        acts in vec(act(), 1..25),
        dies_at in 0..120_usize,
        chances in vec(any::<u8>(), 64),
    ) {
        let mut run = Run::new(&story);
        run.disk.break_at(Fault { at: dies_at, kind: FaultKind::ForEver });
        for act in acts {
            if run.act(act).is_err() {
                break;
            }
        }
        run.check(&run.disk.after_kill(), run.handed);
        let mut chances = chances.into_iter().cycle();
        let disk = run.disk.after_power_failed(|| chances.next().unwrap());
        run.check(&disk, run.synced);
    }

    /// A disk that fails once: what was there stays, and with the next base all is well.
    #[test]
    fn a_disk_that_fails_once_loses_nothing_that_was_there(
        story in story(40),
        acts in vec(act(), 1..25),
        fails_at in 0..120_usize,
    ) {
        let mut run = Run::new(&story);
        run.disk.break_at(Fault { at: fails_at, kind: FaultKind::Once });
        let failed = acts.into_iter().any(|act| run.act(act).is_err());
        run.check(&run.disk.after_kill(), run.handed);
        if failed {
            run.keeper.discard();
            run.told = story.log.len();
            run.base().unwrap();
            let (position, facts) = read(&run.disk).unwrap();
            prop_assert_eq!(position, run.here());
            prop_assert_eq!(&facts.model(), story.models.last().unwrap());
        }
    }
}

/// The guard against a test that guards nothing: without bringing names and bytes to the disk, power is felt.
#[test]
fn without_sync_the_power_takes_it() {
    let disk = SimDisk::default();
    disk.put("routes-0000000001.base", b"anything");
    let lost = disk.after_power_failed(|| 0);
    assert!(crate::snapshot::Disk::names(&lost).unwrap().is_empty());
    assert!(!disk.has_failed());
}
