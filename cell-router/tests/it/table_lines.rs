//! The fast table against the reference.

use fastrand::Rng;
use proptest::{collection::vec, prelude::*};

use tenancy_cell_router::{Applied, LineDraft, LineTable, RouteTable};
use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry, Lookup,
    Placement, Position, Revision, TenantId,
};

use crate::table_world::{Extent, Step, World};

fn step() -> impl Strategy<Value = Step> {
    let any = any::<u32>;
    prop_oneof![
        4 => (any(), any()).prop_map(|(at, how)| Step::Place(at, how)),
        12 => (any(), any()).prop_map(|(at, n)| Step::Name(at, n)),
        1 => any().prop_map(Step::Plan),
        20 => any().prop_map(Step::Deliver),
        1 => any().prop_map(Step::Repeat),
        2 => (any(), any()).prop_map(|(at, how)| Step::Hint(at, how)),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Replace),
    ]
}

/// As [`step`], but for a few snapshots: each costs as much as the world is large.
fn random_step(random: &mut Rng) -> Step {
    let (one, other) = (random.u32(..), random.u32(..));
    match random.u32(..1_000_000) {
        0 => Step::Snapshot,
        1 => Step::Replace,
        2..100_000 => Step::Place(one, other),
        100_000..400_000 => Step::Name(one, other),
        400_000..420_000 => Step::Plan(one),
        420_000..450_000 => Step::Repeat(one),
        450_000..500_000 => Step::Hint(one, other),
        _ => Step::Deliver(one),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// So few names that the same ones come and go again and again: late claims, and removed ones that come back.
    #[test]
    fn a_small_world_is_the_same(steps in vec(step(), 1..400)) {
        let mut world = World::new(Extent { tenants: 3, names: 16 });
        for step in steps {
            world.step(step);
        }
        world.check_all();
        world.arrive();
    }

    /// So many that the lines are rebuilt on the spot, for growth and for what was removed.
    #[test]
    fn a_world_that_grows_is_the_same(steps in vec(step(), 300..900)) {
        let mut world = World::new(Extent { tenants: 1_000, names: 400 });
        for step in steps {
            world.step(step);
        }
        world.check_all();
        world.arrive();
    }
}

/// Steps by chance in a world so large that another thread rebuilds the lines.
fn stroll(extent: Extent, steps: u32, seed: u64) -> World {
    let mut random = Rng::with_seed(seed);
    let mut world = World::new(extent);
    for _ in 0..steps {
        let step = random_step(&mut random);
        world.step(step);
        world.check_name(random.u32(..));
        world.check_tenant(random.u32(..));
    }
    world.check_all();
    world.arrive();
    world
}

#[test]
fn a_large_world_is_the_same() {
    let extent = Extent {
        tenants: 10_000,
        names: 8_000,
    };
    let world = stroll(extent, 40_000, 7);
    assert!(world.generation() > 5, "the lines were never rebuilt");
}

/// Ten million steps, each of them compared.
#[test]
#[ignore = "a round of `cargo xtask soak routes`"]
fn routes_are_the_same_after_ten_million_steps() {
    let setting = |name| match std::env::var(name) {
        Ok(value) => value.parse::<u64>().unwrap(),
        Err(_) => 0,
    };
    let seed = setting("SOAK_SEED").wrapping_mul(1_000_003) + setting("SOAK_ROUND");
    let extent = Extent {
        tenants: 50_000,
        names: 200_000,
    };
    let world = stroll(extent, 10_000_000, seed);
    assert!(world.generation() > 10, "the lines were never rebuilt");
}

/// The directories of pages are there for all ids below it, and the pages are not.
#[test]
fn the_highest_tenant_id_takes_no_pages_for_those_below_it() {
    let (first, last) = (TenantId::new(1).unwrap(), TenantId::new(u32::MAX).unwrap());
    let placement = Placement::new(CellId::new(1).unwrap(), Lifecycle::Active, Epoch::FIRST);
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    let fact = |tenant, revision| LogEntry {
        revision: Revision::new(revision),
        event: DirectoryEvent::Placed { tenant, placement },
    };
    let at = |revision| Position {
        history,
        revision: Revision::new(revision),
    };
    let (snapshot, log) = (LineTable::new(), LineTable::new());
    let used = allocation_counter::measure(|| {
        let mut draft = LineDraft::default();
        draft.extend([fact(last, 1)]);
        snapshot.replace(draft, at(1));
        log.replace(LineDraft::default(), at(1));
        log.apply(&fact(first, 2));
        log.apply(&fact(last, 3));
    });
    for table in [&snapshot, &log] {
        assert_eq!(table.placement(last), Some(placement));
        assert_eq!(table.placement(TenantId::new(u32::MAX - 1).unwrap()), None);
        assert!(table.memory() < 40 << 20, "{} bytes", table.memory());
    }
    assert!(used.bytes_max < 100 << 20, "{} bytes", used.bytes_max);
}

/// A table that names pass through does not become larger than what it holds at a time.
#[test]
fn names_that_were_removed_take_no_room() {
    let table = LineTable::new();
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    let mut revision = Revision::ZERO;
    table.replace(LineDraft::default(), Position { history, revision });
    let mut log = |event| {
        revision = revision.next();
        let entry = LogEntry { revision, event };
        assert_eq!(table.apply(&entry), Applied::Newer);
    };
    let tenant = TenantId::new(1).unwrap();
    for n in 0..5_000 {
        let domain = DomainName::from_normalised(&format!("shop-{n}.example")).unwrap();
        log(DirectoryEvent::DomainAdded {
            domain: domain.clone(),
            tenant,
        });
        log(DirectoryEvent::DomainRemoved { domain, tenant });
    }
    assert_eq!(table.size().names, 0);
    // The tenant's page of revisions, and some lines.
    assert!(table.memory() < 40_000, "{} bytes", table.memory());
}
