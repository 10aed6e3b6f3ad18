use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, Epoch, History, Lifecycle, Placement, Revision, TenantId,
};

use super::*;
use crate::{Guards, SnapshotFolder};

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

/// What a process would know that started now: where it stands, and how many tenants it has.
fn read(folder: &SnapshotFolder) -> (Position, usize) {
    let mut keeper = folder.keeper(Guards::default());
    let loaded = keeper.load::<Vec<LogEntry>>(|_| {}, &mut Vec::new());
    let loaded = loaded.unwrap().unwrap();
    (loaded.position, loaded.draft.len())
}

/// The queue overflows, and the snapshot that is to make up for it breaks off.
#[tokio::test]
async fn nothing_is_written_behind_a_hole() {
    let place = tempfile::tempdir().unwrap();
    let folder = SnapshotFolder::new(place.path());
    let records = watch::Sender::default();
    let mut watcher = records.subscribe();
    let work = Work::new(folder.keeper(Guards::default()));
    let mut recorder = Recorder::spawn(work, records);
    recorder.begin(at(1)).await;
    recorder.facts(&[entry(1)]).await;
    recorder.commit(at(1));
    let is_there = |records: &Records| records.bases == 1;
    drop(watcher.wait_for(is_there).await.unwrap());

    // The task does not run meanwhile: this one does not wait.
    let room = QUEUE as u64;
    (2..room + 100).for_each(|revision| recorder.entry(&entry(revision)));
    assert!(recorder.is_behind());
    recorder.begin(at(room + 100)).await;
    recorder.facts(&[entry(1)]).await;
    recorder.entry(&entry(room + 101));
    assert!(recorder.is_behind(), "the snapshot was never whole");

    drop(recorder);
    while watcher.changed().await.is_ok() {}
    let (position, tenants) = read(&folder);
    assert_eq!(position, at(room + 1));
    assert_eq!(tenants as u64, room + 1);
}

/// The next one that is whole does.
#[tokio::test]
async fn a_whole_snapshot_makes_up_for_a_hole() {
    let place = tempfile::tempdir().unwrap();
    let folder = SnapshotFolder::new(place.path());
    let records = watch::Sender::default();
    let mut watcher = records.subscribe();
    let work = Work::new(folder.keeper(Guards::default()));
    let mut recorder = Recorder::spawn(work, records);
    let room = QUEUE as u64;
    (1..room + 100).for_each(|revision| recorder.entry(&entry(revision)));
    assert!(recorder.is_behind());
    recorder.begin(at(room + 100)).await;
    recorder.facts(&[entry(1), entry(2)]).await;
    recorder.commit(at(room + 100));
    recorder.entry(&entry(room + 101));
    let is_there = |records: &Records| !records.recorded().is_behind;
    drop(watcher.wait_for(is_there).await.unwrap());

    drop(recorder);
    while watcher.changed().await.is_ok() {}
    assert_eq!(read(&folder), (at(room + 101), 3));
}

/// A process that has learned that its history has lost changes gives it to nobody, also when the disk cannot be told.
#[cfg(feature = "peer")]
#[tokio::test]
async fn what_has_ended_is_given_to_nobody() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("routes");
    let folder = SnapshotFolder::new(&path);
    let records = watch::Sender::default();
    let mut watcher = records.subscribe();
    let work = Work::new(folder.keeper(Guards::default()));
    let mut recorder = Recorder::spawn(work, records);
    recorder.begin(at(1)).await;
    recorder.facts(&[entry(1)]).await;
    recorder.commit(at(1));
    let is_given = |records: &Records| records.chain().is_some();
    drop(watcher.wait_for(is_given).await.unwrap());

    std::fs::remove_dir_all(&path).unwrap();
    std::fs::write(&path, "in the way").unwrap();
    recorder.end().await;
    assert!(watcher.borrow().chain().is_none(), "at once");
    let has_tried = |records: &Records| records.failures > 0;
    drop(watcher.wait_for(has_tried).await.unwrap());
    assert!(watcher.borrow().chain().is_none());

    std::fs::remove_file(&path).unwrap();
    recorder.begin(at(3)).await;
    recorder.facts(&[entry(2)]).await;
    assert!(watcher.borrow().chain().is_none());
    recorder.commit(at(3));
    drop(watcher.wait_for(is_given).await.unwrap());
    assert_eq!(watcher.borrow().recorded().position, Some(at(3)));
}
