//! Names that the directory has no more are in no file after a day.

use std::time::Duration;

use tenancy_types::{
    CellId, DirectoryEvent, DomainName, Epoch, Lifecycle, LogEntry, Placement, Revision, TenantId,
};

use super::{
    super::{Disk as _, Guards, Keeper, LOOK},
    disk::SimDisk,
    story::{Facts, position},
};

const NAME: &str = "who-left.example";

fn entry(revision: u64, event: DirectoryEvent) -> LogEntry {
    let revision = Revision::new(revision);
    LogEntry { revision, event }
}

fn bears_name(disk: &SimDisk) -> bool {
    let names = disk.names().unwrap();
    let mut files = names.iter().map(|name| disk.bytes(name));
    files.any(|bytes| {
        bytes
            .windows(NAME.len())
            .any(|part| part == NAME.as_bytes())
    })
}

/// Looks as the recorder does, and says after how long the name was gone.
fn forgotten_after(keep: usize, restarts: bool) -> Duration {
    let tenant = TenantId::new(1).unwrap();
    let domain = DomainName::from_normalised(NAME).unwrap();
    let cell = CellId::new(1).unwrap();
    let placement = Placement::new(cell, Lifecycle::Active, Epoch::FIRST);
    let facts = [
        entry(1, DirectoryEvent::Placed { tenant, placement }),
        entry(
            1,
            DirectoryEvent::DomainAdded {
                domain: domain.clone(),
                tenant,
            },
        ),
    ];
    let removed = entry(2, DirectoryEvent::DomainRemoved { domain, tenant });
    let disk = SimDisk::default();
    let open = || Keeper::new(disk.clone(), keep, Guards::default());
    let mut keeper = open();
    keeper.begin(position(Revision::new(1))).unwrap();
    keeper.facts(&facts).unwrap();
    keeper.commit(position(Revision::new(1))).unwrap();
    keeper.append(&[removed]).unwrap();
    let mut now = Duration::ZERO;
    while bears_name(&disk) && now < 3 * Duration::from_secs(86_400) {
        now += LOOK;
        disk.set_time(now);
        if restarts {
            keeper = open();
            keeper
                .load::<Facts>(|_| {}, &mut Vec::new())
                .unwrap()
                .unwrap();
        }
        if keeper.is_due().unwrap() {
            keeper.merge().unwrap();
            keeper.prune().unwrap();
        }
    }
    let loaded = open().load::<Facts>(|_| {}, &mut Vec::new()).unwrap();
    assert_eq!(loaded.unwrap().position, position(Revision::new(2)));
    now
}

#[test]
fn who_left_is_in_no_file_after_a_day() {
    for keep in [1, 2, 3, 7] {
        for restarts in [false, true] {
            let after = forgotten_after(keep, restarts);
            let hours = 20..=24;
            let took = after.as_secs().div_ceil(3_600);
            assert!(hours.contains(&took), "{keep} bases: {took} hours");
        }
    }
}

/// A clock that was set back says nothing of an age.
#[test]
fn a_base_from_the_future_is_made_anew_once() {
    let disk = SimDisk::default();
    disk.set_time(Duration::from_secs(1_000));
    let mut keeper = Keeper::new(disk.clone(), 3, Guards::default());
    keeper.begin(position(Revision::ZERO)).unwrap();
    keeper.commit(position(Revision::ZERO)).unwrap();
    assert!(!keeper.is_due().unwrap());
    disk.set_time(Duration::from_secs(10));
    assert!(keeper.is_due().unwrap());
    keeper.merge().unwrap();
    assert!(!keeper.is_due().unwrap());

    // Files have times of another clock, as on a file system of another machine.
    disk.set_time(Duration::from_secs(1_000));
    keeper.merge().unwrap();
    disk.set_time(Duration::from_secs(10));
    assert!(!keeper.is_due().unwrap(), "each new base would be, too");
}
