use futures_util::{future::ready, stream};
use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, Epoch, History, Lifecycle, Placement, Revision, TenantId,
};
use tokio::sync::watch;

use super::*;
use crate::{SnapshotFolder, follower::recorder::Work};

fn at(revision: u64) -> Position {
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    Position {
        history,
        revision: Revision::new(revision),
    }
}

/// Places a tenant of its own.
fn entry(revision: u64) -> LogEntry {
    let tenant = TenantId::new(u32::try_from(revision).unwrap()).unwrap();
    let placement = Placement::new(CellId::new(1).unwrap(), Lifecycle::Active, Epoch::FIRST);
    LogEntry {
        revision: Revision::new(revision),
        event: DirectoryEvent::Placed { tenant, placement },
    }
}

/// A directory with five tenants.
struct Source;

impl ChangeSource for Source {
    async fn newest(&self) -> Result<Position, Error> {
        Ok(at(5))
    }

    async fn snapshot(&self) -> Result<SourceSnapshot, Error> {
        let facts = stream::iter((1..=5).map(|revision| Ok(entry(revision))));
        Ok(SourceSnapshot {
            position: at(5),
            facts: facts.boxed(),
        })
    }

    fn changes(&self, _: Position) -> BoxStream<'static, Result<LogEntry, Error>> {
        stream::once(ready(Err(Error::LogEnded))).boxed()
    }
}

/// The directory says more in its snapshot than its log has said so far. Should it lose that, and say something else of
/// the same revisions, then nothing of it may be before that in the files.
#[tokio::test(start_paused = true)]
async fn a_base_waits_for_the_log_to_come_as_far() {
    let place = tempfile::tempdir().unwrap();
    let folder = SnapshotFolder::new(place.path());
    let records = watch::Sender::default();
    let mut watcher = records.subscribe();
    // A folder without a base is behind.
    let work = Work::new(folder.keeper(Guards::default()));
    let mut recorder = Recorder::spawn(work, records);
    let source = Arc::new(Source);
    let mut repair = Repair::new();
    let guards = Guards::default();
    let known = |revision| Known {
        position: at(revision),
        size: TableSize {
            tenants: 3,
            names: 0,
        },
        guards: &guards,
    };
    let is_read = |repair: &Repair| matches!(&repair.state, State::Reading(base) if base.is_read);
    while !is_read(&repair) {
        let step = repair.next(Some(&recorder)).await;
        repair.go(step, &mut recorder, &source, &known(3));
    }
    repair.entry(&mut recorder, &entry(4), at(4));
    assert!(is_read(&repair), "ended before the log said 5");
    repair.entry(&mut recorder, &entry(5), at(5));
    repair.entry(&mut recorder, &entry(6), at(6));
    drop(recorder);
    while watcher.changed().await.is_ok() {}
    let mut keeper = folder.keeper(Guards::default());
    let loaded = keeper.load::<Vec<LogEntry>>(|_| {}, &mut Vec::new());
    let loaded = loaded.unwrap().unwrap();
    assert_eq!((loaded.position, loaded.draft.len()), (at(6), 6));
}
