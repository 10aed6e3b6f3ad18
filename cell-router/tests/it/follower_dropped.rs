//! A follower that goes while it fills the table.

use std::sync::{Arc, Barrier, LazyLock};

use tenancy_cell_router::{
    Applied, Follower, ReferenceContents, ReferenceDraft, ReferenceTable, RouteTable, TableSize,
};
use tenancy_types::{
    Answer, History, LogEntry, Lookup, ManualClock, Placement, Position, Revision, TenantId,
};

use crate::follower_world::World;

/// Where a thread that prepares contents meets the test: when it begins, and before it ends.
static PREPARES: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2));

/// A table whose contents take as long to prepare as the test says.
#[derive(Default)]
struct Slow(ReferenceTable);

impl Lookup for Slow {
    fn lookup_host(&self, host: &str) -> Answer {
        self.0.lookup_host(host)
    }

    fn lookup_slug(&self, slug: &str) -> Answer {
        self.0.lookup_slug(slug)
    }

    fn placement(&self, tenant: TenantId) -> Option<Placement> {
        self.0.placement(tenant)
    }
}

impl RouteTable for Slow {
    type Draft = ReferenceDraft;
    type Contents = ReferenceContents;

    fn apply(&self, entry: &LogEntry) -> Applied {
        self.0.apply(entry)
    }

    fn hint(&self, tenant: TenantId, placement: Placement) -> Applied {
        self.0.hint(tenant, placement)
    }

    fn prepare(draft: ReferenceDraft, position: Position) -> ReferenceContents {
        PREPARES.wait();
        PREPARES.wait();
        ReferenceTable::prepare(draft, position)
    }

    fn put(&self, contents: ReferenceContents) -> ReferenceContents {
        self.0.put(contents)
    }

    fn position(&self) -> Option<Position> {
        self.0.position()
    }

    fn size(&self) -> TableSize {
        self.0.size()
    }
}

#[test]
fn a_follower_that_is_gone_fills_no_table() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let world = World::with(3);
    let table = Arc::new(Slow::default());
    let follower = Follower::new(world.clone(), Arc::clone(&table), ManualClock::default());
    let task = runtime.spawn(follower.run());
    PREPARES.wait();
    task.abort();
    runtime.block_on(task).unwrap_err();

    // Another one took over.
    let history = History {
        incarnation: 1,
        ..world.state().history
    };
    let position = Position {
        history,
        revision: Revision::new(1),
    };
    table.0.replace(ReferenceDraft::default(), position);
    PREPARES.wait();
    // Waits for the thread that prepares.
    drop(runtime);
    assert_eq!(table.position(), Some(position));
}
