//! Files that were written by this version, and must be read by the next one.

use std::{fs, path::PathBuf};

use tenancy_types::{
    CellId, DirectoryEvent, DomainName, Epoch, Lifecycle, LogEntry, Placement, Revision, TenantId,
};

use super::{
    super::{Guards, Keeper},
    disk::SimDisk,
    story::{Facts, position},
};
use crate::TableSize;

fn events() -> Vec<DirectoryEvent> {
    let tenant = |n| TenantId::new(n).unwrap();
    let (one, last) = (tenant(1), tenant(u32::MAX));
    let cell = CellId::new(7).unwrap();
    let domain = |text| DomainName::from_pattern(text).unwrap();
    let placement = Placement {
        moving: true,
        ..Placement::new(cell, Lifecycle::ReadOnly, Epoch::new(2, 9))
    };
    let gone = Placement::new(CellId::MAX, Lifecycle::Gone, Epoch::new(0, u32::MAX));
    let plan = |text: &str| text.parse().unwrap();
    let slug: tenancy_types::Slug = "acme".parse().unwrap();
    vec![
        DirectoryEvent::Placed {
            tenant: one,
            placement,
        },
        DirectoryEvent::PlanChanged {
            tenant: one,
            plan: plan("basic"),
        },
        DirectoryEvent::SlugAdded {
            slug: slug.clone(),
            tenant: one,
        },
        DirectoryEvent::DomainAdded {
            domain: domain("shop.example.com"),
            tenant: one,
        },
        DirectoryEvent::DomainAdded {
            domain: domain("*.example.com"),
            tenant: one,
        },
        DirectoryEvent::Placed {
            tenant: last,
            placement: gone,
        },
        DirectoryEvent::PlanChanged {
            tenant: last,
            plan: plan("basic"),
        },
        // From here on in the log.
        DirectoryEvent::SlugRemoved { slug, tenant: one },
        DirectoryEvent::DomainRemoved {
            domain: domain("*.example.com"),
            tenant: one,
        },
        DirectoryEvent::PlanChanged {
            tenant: last,
            plan: plan("enterprise"),
        },
    ]
}

fn entries() -> Vec<LogEntry> {
    let revisions = (0..).map(|n| Revision::new(1 + n * n * 1_000));
    let entries = revisions.zip(events());
    entries
        .map(|(revision, event)| LogEntry { revision, event })
        .collect()
}

const BASE: &str = "routes-0000000001.base";
const LOG: &str = "routes-0000000002.log";

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/v1")
        .join(name)
}

#[test]
fn the_format_is_as_it_was() {
    let entries = entries();
    let (facts, log) = entries.split_at(7);
    let disk = SimDisk::default();
    let mut keeper = Keeper::new(disk.clone(), 1, Guards::default());
    let base = position(facts[6].revision);
    keeper.begin(base).unwrap();
    keeper.facts(facts).unwrap();
    keeper.commit(base).unwrap();
    keeper.append(log).unwrap();
    for name in [BASE, LOG] {
        let written = disk.bytes(name);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::create_dir_all(golden("")).unwrap();
            fs::write(golden(name), &written).unwrap();
        }
        let kept = fs::read(golden(name)).unwrap();
        assert!(
            written == kept,
            "{name} is written in another way; is it a new version?"
        );
    }
}

#[test]
fn files_of_version_1_are_read() {
    let disk = SimDisk::default();
    for name in [BASE, LOG] {
        disk.put(name, &fs::read(golden(name)).unwrap());
    }
    // Among them is the highest tenant id of all.
    let guards = Guards::default().with_most(TableSize {
        tenants: usize::MAX,
        names: 10,
    });
    let mut keeper = Keeper::new(disk, 1, guards);
    let mut skipped = Vec::new();
    let loaded = keeper.load::<Facts>(|_| {}, &mut skipped).unwrap().unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    let entries = entries();
    assert_eq!(loaded.position, position(entries[9].revision));
    let mut expect: Vec<_> = entries.into_iter().map(|entry| entry.event).collect();
    // The last three: no slug, no pattern, another plan.
    let changed = expect.pop().unwrap();
    expect.truncate(7);
    expect[6] = changed;
    expect.remove(4);
    expect.remove(2);
    let found: Vec<_> = loaded.draft.0.into_iter().map(|fact| fact.event).collect();
    assert_eq!(found, expect);
}
