//! The writer, readers and the thread that rebuilds.

use std::{collections::hash_map::DefaultHasher, hash::BuildHasherDefault, sync::Arc};

use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
    Placement, Position, Revision, TenantId,
};

use crate::{
    Applied, TableSize,
    books::{Books, Contents},
    fingerprint::Keys,
    lines::Lines,
    shared::Shared,
    sync::{Ordering, Words, explore, join_spawned},
};

fn tenant(id: u32) -> TenantId {
    TenantId::new(id).unwrap()
}

fn host(n: u64) -> String {
    format!("shop-{n}.example")
}

/// A table in which tenant 1 is placed and has names 0 to `names`. Its keys are always the same: loom repeats what
/// it does, and must meet the same lines.
fn table(names: u64) -> Arc<Shared> {
    let keys = Keys::derive(&BuildHasherDefault::<DefaultHasher>::default());
    let lines = Lines::with_room_for(0);
    for n in 0..names {
        let name = keys.domain(&host(n));
        lines.publish(lines.seek(name).unwrap(), name, tenant(1));
    }
    let homes = Words::with_capacity(1);
    let home = homes.get_or_grow(tenant(1)).unwrap();
    home.store(placement(1).to_word(), Ordering::Relaxed);
    let contents = Contents {
        keys,
        lines,
        homes,
        patterns: [0; 128],
        size: TableSize {
            tenants: 1,
            names: names as usize,
        },
    };
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    let position = Position {
        history,
        revision: Revision::ZERO,
    };
    let shared = Arc::new(Shared::empty());
    drop(shared.put(Books::open(contents, position)));
    shared
}

fn log(shared: &Arc<Shared>, revision: u64, event: DirectoryEvent) {
    let revision = Revision::new(revision);
    assert_eq!(shared.apply(&LogEntry { revision, event }), Applied::Newer);
}

fn placement(id: u32) -> Placement {
    let cell = CellId::new(id as u16).unwrap();
    Placement::new(cell, Lifecycle::Active, Epoch::FIRST)
}

fn place(id: u32) -> DirectoryEvent {
    DirectoryEvent::Placed {
        tenant: tenant(id),
        placement: placement(id),
    }
}

fn add(n: u64, id: u32) -> DirectoryEvent {
    DirectoryEvent::DomainAdded {
        domain: DomainName::from_normalised(&host(n)).unwrap(),
        tenant: tenant(id),
    }
}

/// Adds the pattern of all hosts.
fn pattern(id: u32) -> DirectoryEvent {
    DirectoryEvent::DomainAdded {
        domain: DomainName::from_pattern("*.example").unwrap(),
        tenant: tenant(id),
    }
}

fn remove(n: u64, id: u32) -> DirectoryEvent {
    DirectoryEvent::DomainRemoved {
        domain: DomainName::from_normalised(&host(n)).unwrap(),
        tenant: tenant(id),
    }
}

/// The tenant to whom a host leads.
fn leads(shared: &Shared, n: u64) -> Option<u32> {
    let route = shared.read(|generation| generation.unwrap().host(&host(n)));
    route.map(|route| route.tenant.get())
}

/// A tenant is placed, then it gets a name: who sees the name sees the placement, also when the pages have to be made
/// and the directory of pages has to grow.
fn a_name_behind_its_placement(careless: bool, id: u32) {
    explore(careless, move || {
        let shared = table(0);
        let read = Arc::clone(&shared);
        let reader = loom::thread::spawn(move || {
            read.read(|generation| {
                let generation = generation.unwrap();
                let owner = generation.lines.find(generation.keys.domain(&host(5)));
                let home = owner.map(|owner| generation.placement(owner));
                assert_ne!(home, Some(None), "a name without a placement");
            });
        });
        log(&shared, 2, place(id));
        log(&shared, 3, add(5, id));
        reader.join().unwrap();
        assert_eq!(leads(&shared, 5), Some(id));
    });
}

#[test]
fn who_sees_a_name_sees_its_placement() {
    // In the page of tenant 1, and far behind it.
    for id in [2, 9] {
        a_name_behind_its_placement(false, id);
    }
}

#[test]
#[should_panic = "a name without a placement"]
fn without_release_it_might_not() {
    a_name_behind_its_placement(true, 2);
}

/// A host of a pattern gets a name of its own, and then the pattern goes: at no moment the host leads nowhere.
fn a_name_before_its_pattern(careless: bool) {
    explore(careless, move || {
        let shared = table(0);
        log(&shared, 2, place(2));
        log(&shared, 3, pattern(1));
        let read = Arc::clone(&shared);
        let reader = loom::thread::spawn(move || {
            assert_ne!(leads(&read, 5), None, "an answer that never held");
        });
        log(&shared, 4, add(5, 2));
        let DirectoryEvent::DomainAdded { domain, tenant } = pattern(1) else {
            unreachable!("it adds a domain")
        };
        log(&shared, 5, DirectoryEvent::DomainRemoved { domain, tenant });
        reader.join().unwrap();
        assert_eq!(leads(&shared, 5), Some(2));
    });
}

#[test]
fn what_a_host_reads_held_at_one_moment() {
    a_name_before_its_pattern(false);
}

#[test]
#[should_panic = "an answer that never held"]
fn without_release_it_might_never_have_held() {
    a_name_before_its_pattern(true);
}

/// The fourteenth of sixteen slots calls for a rebuild. While another thread copies, the writer removes, adds, and
/// gives a name to somebody else; whatever the copy has seen of that, the new lines have all of it.
#[test]
fn nothing_is_lost_while_lines_are_copied() {
    explore(false, || {
        let shared = table(13);
        log(&shared, 2, place(2));
        log(&shared, 3, add(13, 2));
        log(&shared, 4, remove(0, 1));
        log(&shared, 5, add(0, 2));
        log(&shared, 6, remove(13, 2));
        log(&shared, 7, add(14, 1));
        assert_eq!(join_spawned(), 1, "nobody rebuilt");
        let owners: Vec<_> = (0..15).map(|n| leads(&shared, n)).collect();
        let mut expect = [Some(1); 15];
        (expect[0], expect[13]) = (Some(2), None);
        assert_eq!(owners, expect);
        let lines = shared.read(|generation| generation.unwrap().lines.count());
        assert!(lines > 4, "the new lines are not shown");
    });
}

/// A reader asks for a name that nobody touches while the lines are copied and swapped.
#[test]
fn a_reader_finds_what_is_copied() {
    explore(false, || {
        let shared = table(13);
        let read = Arc::clone(&shared);
        let reader = loom::thread::spawn(move || {
            assert_eq!(leads(&read, 3), Some(1));
            assert_eq!(leads(&read, 3), Some(1));
        });
        log(&shared, 2, add(13, 1));
        reader.join().unwrap();
        join_spawned();
        assert_eq!(leads(&shared, 3), Some(1));
    });
}

/// While another thread copies, so much is added that the old lines are full: the writer does not wait, and the copy
/// that comes too late is not taken.
#[test]
fn a_copy_that_comes_too_late_is_not_taken() {
    explore(false, || {
        let shared = table(13);
        for n in 13..16 {
            log(&shared, n, add(n, 1));
        }
        join_spawned();
        assert!((0..16).all(|n| leads(&shared, n) == Some(1)));
    });
}
