//! Histories that lose changes: two stories that give the same revisions to different entries.

use proptest::prelude::*;
use tenancy_types::{LogEntry, Position};

use super::{
    super::{Disk as _, Guards, Keeper},
    disk::{Fault, FaultKind, SimDisk},
    story::{Facts, Story, story},
};

fn keeper(disk: &SimDisk) -> Keeper<SimDisk> {
    Keeper::new(disk.clone(), 3, Guards::default())
}

/// What was done before something failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    #[default]
    Nothing,
    /// The files say that the first story has ended.
    Ended,
    /// The second story is in a base.
    Restored,
}

/// A part of a story: a base, and a log behind it.
struct Told<'a> {
    story: &'a Story,
    base: usize,
    end: usize,
}

impl<'a> Told<'a> {
    /// The two numbers are taken for places in the story.
    fn new(story: &'a Story, base: usize, more: usize) -> Self {
        let base = base % (story.log.len() + 1);
        let end = (base + more).min(story.log.len());
        Self { story, base, end }
    }

    fn write(&self, keeper: &mut Keeper<SimDisk>) -> std::io::Result<()> {
        let position = self.story.position(self.base);
        keeper.begin(position)?;
        keeper.facts(&self.story.models[self.base].facts(position.revision))?;
        keeper.commit(position)
    }

    fn log(&self) -> &[LogEntry] {
        &self.story.log[self.base..self.end]
    }

    /// Whether these facts are what this story says there.
    fn has(&self, position: Position, facts: &Facts) -> bool {
        let mut places = self.base..=self.end;
        places
            .any(|at| self.story.position(at) == position && self.story.models[at] == facts.model())
    }
}

fn tell(
    keeper: &mut Keeper<SimDisk>,
    [first, second]: [&Told<'_>; 2],
    reached: &mut Reached,
) -> std::io::Result<()> {
    first.write(keeper)?;
    keeper.append(first.log())?;
    keeper.sync()?;
    // The follower says it again for as long as it is so.
    let ended = keeper.end();
    ended.or_else(|_| keeper.end())?;
    *reached = Reached::Ended;
    second.write(keeper)?;
    *reached = Reached::Restored;
    keeper.append(second.log())?;
    keeper.sync()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Wherever it is interrupted, whatever becomes of the newest base: what is read is of one of the two stories, and
    /// of the first one only with the word that it has ended.
    #[test]
    fn no_log_of_a_restored_directory_continues_what_was_before(
        stories in (story(30), story(30)),
        places in [0..31_usize, 0..12_usize, 0..31_usize, 0..12_usize],
        fails_at in 0..60_usize,
        kind in prop_oneof![Just(FaultKind::Once), Just(FaultKind::ForEver)],
        fails_power in any::<bool>(),
        loses_newest in any::<bool>(),
        chances in proptest::collection::vec(any::<u8>(), 64),
    ) {
        let first = Told::new(&stories.0, places[0], places[1]);
        let second = Told::new(&stories.1, places[2], places[3]);
        let disk = SimDisk::default();
        disk.break_at(Fault { at: fails_at, kind });
        let mut reached = Reached::default();
        tell(&mut keeper(&disk), [&first, &second], &mut reached).ok();

        let mut chances = chances.into_iter().cycle();
        let disk = if fails_power {
            disk.after_power_failed(|| chances.next().unwrap())
        } else {
            disk.after_kill()
        };
        let has_second = reached == Reached::Restored && !loses_newest;
        if loses_newest {
            let names = disk.names().unwrap();
            let newest = names.iter().rfind(|name| name.ends_with(".base"));
            newest.into_iter().for_each(|name| disk.remove(name).unwrap());
        }
        let loaded = keeper(&disk).load::<Facts>(|_| {}, &mut Vec::new()).unwrap();
        let Some(loaded) = loaded else {
            prop_assert!(!has_second);
            return Ok(());
        };
        let is_first = first.has(loaded.position, &loaded.draft);
        let is_second = second.has(loaded.position, &loaded.draft);
        prop_assert!(is_first || is_second, "a mixture at {:?}", loaded.position);
        if has_second {
            prop_assert!(is_second);
            prop_assert_eq!(loaded.ended, None);
        } else if reached >= Reached::Ended && !is_second {
            prop_assert_eq!(loaded.ended, Some(loaded.position.history));
        }
    }
}

/// An end that could not be written is owed: no base comes before it.
#[test]
fn a_base_waits_for_the_end_of_what_was_before() {
    let story = story_of_one();
    let told = Told::new(&story, 1, 0);
    for at in 0..3 {
        let disk = SimDisk::default();
        let mut keeper = keeper(&disk);
        told.write(&mut keeper).unwrap();
        disk.fail_after(at);
        keeper.end().unwrap_err();
        assert!(!keeper.is_ended());
        told.write(&mut keeper).unwrap();
        let names = disk.names().unwrap();
        let role = |name: &String| name.rsplit('.').next().unwrap().to_owned();
        let mut roles: Vec<_> = names.iter().map(role).collect();
        roles.dedup();
        assert_eq!(roles, ["base", "end", "base"], "{names:?}");
    }
}

fn story_of_one() -> Story {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let tree = story(1).new_tree(&mut TestRunner::deterministic());
    tree.unwrap().current()
}
