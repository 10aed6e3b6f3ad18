//! What a lookup costs its thread while the table is being changed.

use std::sync::atomic::{AtomicBool, Ordering};

use allocation_counter::measure;
use fastrand::Rng;
use tenancy_cell_router::{LineDraft, LineTable, RouteTable};
use tenancy_types::{
    Answer, CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
    Lookup, Placement, Position, Revision, TenantId,
};

const TENANTS: u32 = 5_000;
const CHANGES: u32 = 10_000;

fn tenant(n: u32) -> TenantId {
    TenantId::new(n % TENANTS + 1).unwrap()
}

fn placed(n: u32, seq: u32) -> DirectoryEvent {
    DirectoryEvent::Placed {
        tenant: tenant(n),
        placement: Placement::new(
            CellId::new((n % 9 + 1) as u16).unwrap(),
            Lifecycle::Active,
            Epoch::new(0, seq),
        ),
    }
}

fn added(name: &str, n: u32) -> DirectoryEvent {
    DirectoryEvent::DomainAdded {
        domain: DomainName::from_pattern(name).unwrap(),
        tenant: tenant(n),
    }
}

/// Each tenant with a domain and a pattern.
fn filled() -> LineTable {
    let facts = (0..TENANTS).flat_map(|n| {
        let domain = added(&format!("shop-{n}.example"), n);
        [
            placed(n, 1),
            domain,
            added(&format!("*.zone-{n}.example"), n),
        ]
    });
    let revision = Revision::new(1);
    let mut draft = LineDraft::default();
    draft.extend(facts.map(|event| LogEntry { revision, event }));
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    let table = LineTable::new();
    table.replace(draft, Position { history, revision });
    table
}

/// Moves, and domains that come and mostly stay, so that another thread rebuilds the lines.
fn change(table: &LineTable) {
    for n in 0..CHANGES {
        let revision = Revision::new(u64::from(n) + 2);
        let event = match n % 8 {
            0..4 => placed(n / 8, n + 2),
            7 => DirectoryEvent::DomainRemoved {
                domain: DomainName::from_normalised(&format!("new-{}.example", n - 1)).unwrap(),
                tenant: tenant(n - 1),
            },
            _ => added(&format!("new-{n}.example"), n),
        };
        table.apply(&LogEntry { revision, event });
    }
}

#[test]
fn a_lookup_allocates_nothing_whatever_the_writer_does() {
    assert_eq!(
        measure(|| drop(Box::new(1))).count_total,
        1,
        "nobody counts"
    );
    let table = filled();
    let hosts: Vec<[String; 3]> = (0..TENANTS)
        .map(|n| ["shop-", "any.zone-", "nobody-"].map(|kind| format!("{kind}{n}.example")))
        .collect();
    // A thread's first lookup makes a note of the thread.
    assert!(matches!(table.lookup_host(&hosts[0][0]), Answer::Hit(_)));
    let ready = AtomicBool::new(false);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ready.load(Ordering::Acquire) {
                std::hint::spin_loop();
            }
            change(&table);
            done.store(true, Ordering::Release);
        });
        let mut random = Rng::with_seed(7);
        let used = measure(|| {
            ready.store(true, Ordering::Release);
            loop {
                let [exact, pattern, absent] = &hosts[random.usize(..hosts.len())];
                assert!(matches!(table.lookup_host(exact), Answer::Hit(_)));
                assert!(matches!(table.lookup_host(pattern), Answer::Hit(_)));
                assert_eq!(table.lookup_host(absent), Answer::Absent);
                if done.load(Ordering::Acquire) {
                    break;
                }
            }
        });
        assert_eq!(used.count_total, 0, "{used:?}");
        assert_eq!(used.count_current, 0, "a reader freed something: {used:?}");
    });
    assert!(table.explain("").generation > 1, "nothing was rebuilt");
}
