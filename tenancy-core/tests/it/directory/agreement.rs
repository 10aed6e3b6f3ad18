//! Random operations: all directories do what the model does, and their logs tell it.

use std::{collections::BTreeMap, time::Duration};

use futures_util::{StreamExt, TryStreamExt};
use proptest::{collection::vec, option, prelude::*, sample::select};
use tenancy_core::{
    directory::{
        AnyDirectory, Directory, DirectoryError, MemoryDirectory, NewTenant, Page, SqliteDirectory,
        Tenant, TenantChange,
    },
    types::{
        Clock, DirectoryEvent, DomainName, Lifecycle, LogEntry, ManualClock, Placement, PlanName,
        Problem, Revision, TenantId,
    },
};

use super::{
    cell, domain, log_behind,
    model::{Model, ROOM},
    put_cell,
};

#[derive(Clone, Debug)]
enum Operation {
    Create(NewTenant),
    /// `late` asks as if the tenant had last been seen one revision earlier.
    Change {
        id: u32,
        late: u64,
        change: TenantChange,
    },
    Forget {
        id: u32,
    },
    /// All but the last entries.
    Compact {
        keep: u64,
    },
}

fn names() -> impl Strategy<Value = Vec<DomainName>> {
    vec(
        (0..5_u8).prop_map(|n| domain(&format!("d{n}.example"))),
        0..3,
    )
}

fn plan() -> impl Strategy<Value = PlanName> {
    select(vec!["basic", "professional"]).prop_map(|name| name.parse().unwrap())
}

fn operation() -> impl Strategy<Value = Operation> {
    let create = (0..8_u8, 0..5_u8, plan(), names(), 1..=3_u16).prop_map(
        |(request, slug, plan, domains, home)| {
            Operation::Create(NewTenant {
                request: format!("request {request}").parse().unwrap(),
                slug: format!("slug-{slug}").parse().unwrap(),
                plan,
                region: Some("eu".parse().unwrap()),
                domains,
                cell: cell(home),
            })
        },
    );
    let lifecycle = option::of(select(Lifecycle::ALL.to_vec()));
    let change = (lifecycle, option::of(plan()), names(), names()).prop_map(
        |(lifecycle, plan, add_domains, remove_domains)| TenantChange {
            lifecycle,
            plan,
            add_domains,
            remove_domains,
        },
    );
    let change = (1..6_u32, prop_oneof![9 => Just(0), 1 => Just(1)], change)
        .prop_map(|(id, late, change)| Operation::Change { id, late, change });
    let forget = (1..6_u32).prop_map(|id| Operation::Forget { id });
    let compact = (0..12_u64).prop_map(|keep| Operation::Compact { keep });
    prop_oneof![8 => create, 16 => change, 4 => forget, 1 => compact]
}

proptest! {
    // Each case makes a file and waits for the disk at each write.
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_directories_do_what_the_model_does(operations in vec(operation(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(in_memory_and_in_a_file(operations));
    }
}

#[cfg(feature = "postgres")]
proptest! {
    // Each case makes a database.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_database_does_what_the_model_does(operations in vec(operation(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(in_a_database(operations));
    }
}

async fn in_memory_and_in_a_file(operations: Vec<Operation>) {
    let clock = ManualClock::default();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("directory.sqlite");
    let sqlite = SqliteDirectory::open(&file, clock.clone()).await.unwrap();
    let directories = [
        AnyDirectory::new(MemoryDirectory::new(clock.clone())),
        AnyDirectory::new(sqlite),
    ];
    run(operations, &directories, clock).await;
}

#[cfg(feature = "postgres")]
async fn in_a_database(operations: Vec<Operation>) {
    use tenancy_core::directory::PostgresDirectory;
    let clock = ManualClock::default();
    let url = super::postgres::database().url();
    let directory = PostgresDirectory::open(&url, clock.clone(), Default::default()).await;
    run(operations, &[AnyDirectory::new(directory.unwrap())], clock).await;
}

async fn run(operations: Vec<Operation>, directories: &[AnyDirectory], clock: ManualClock) {
    let mut model = Model::default();
    for directory in directories {
        put_cell(directory, 1, ROOM).await;
        put_cell(directory, 2, ROOM).await;
    }
    let mut followers = vec![(Revision::ZERO, Routes::default())];
    for operation in operations {
        clock.advance(Duration::from_millis(1));
        let seen = operation.seen(&model);
        let expected = match &operation {
            Operation::Create(new) => model.create(new, clock.unix()),
            Operation::Change { id, change, .. } => model.change(tenant(*id), seen, change),
            Operation::Forget { id } => model.forget(tenant(*id)),
            Operation::Compact { keep } => {
                model.floor = model.floor.max(model.revision.saturating_sub(*keep));
                for directory in directories {
                    directory.compact(Revision::new(model.floor)).await.unwrap();
                }
                continue;
            }
        };
        for (at, directory) in directories.iter().enumerate() {
            let found = perform(directory, &operation, seen).await;
            assert_eq!(found, expected, "directory {at}: {operation:?}");
        }
        followers.push((Revision::new(model.revision), Routes::of(&model.tenants)));
    }
    for (after, known) in followers {
        let expected = log(&directories[0], after).await;
        for directory in &directories[1..] {
            assert_eq!(log(directory, after).await, expected);
        }
        converge(&model, after, known, expected);
    }
    for directory in directories {
        agree(&model, directory).await;
    }
}

/// Whoever followed so far learns the rest, or is told that it cannot: one who has not seen what was removed, and one who
/// knows of a tenant's life, and not of its end, when it was forgotten. When a life began is not known of a compacted log.
fn converge(model: &Model, after: Revision, mut known: Routes, log: Option<Vec<LogEntry>>) {
    let Some(log) = log else {
        let forgotten = |tenant: &&Tenant| tenant.region.is_none() && tenant.revision > after;
        let lost = (model.tenants.iter().filter(forgotten))
            .any(|tenant| model.floor > 0 || known.tenants.contains_key(&tenant.id));
        assert!(
            lost || after.get() < model.floor,
            "a gap after {after} for nothing"
        );
        return;
    };
    assert!(log.is_sorted_by(|earlier, later| earlier.revision < later.revision));
    log.iter().for_each(|entry| known.learn(&entry.event));
    assert_eq!(known, Routes::of(&model.tenants), "the log after {after}");
}

fn tenant(id: u32) -> TenantId {
    TenantId::new(id).unwrap()
}

impl Operation {
    /// The revision that the one who asks has seen.
    fn seen(&self, model: &Model) -> Revision {
        let Self::Change { id, late, .. } = self else {
            return Revision::ZERO;
        };
        let now = model.tenants.get(tenant(*id).index());
        Revision::new(now.map_or(1, |tenant| tenant.revision.get()) - late)
    }
}

async fn perform(
    directory: &impl Directory,
    operation: &Operation,
    seen: Revision,
) -> Result<Tenant, &'static str> {
    let result = match operation.clone() {
        Operation::Create(new) => directory.create(new).await,
        Operation::Change { id, change, .. } => directory.change(tenant(id), seen, change).await,
        Operation::Forget { id } => directory.forget(tenant(id)).await,
        Operation::Compact { .. } => unreachable!("a compaction concerns no tenant"),
    };
    result.map_err(|error| error.code().as_str())
}

/// The log behind `after`, or `None` where it cannot be followed from.
async fn log(directory: &impl Directory, after: Revision) -> Option<Vec<LogEntry>> {
    let newest = directory.newest().await.unwrap().revision;
    let mut changes = log_behind(directory, after).await;
    let mut entries: Vec<LogEntry> = Vec::new();
    while entries.last().map_or(after, |entry| entry.revision) < newest {
        match changes.next().await.unwrap() {
            Ok(entry) => entries.push(entry),
            Err(DirectoryError::LogGap { .. }) => return None,
            Err(error) => panic!("{error:?}"),
        }
    }
    Some(entries)
}

/// The records and a snapshot say what the model says.
async fn agree(model: &Model, directory: &impl Directory) {
    let all = directory
        .tenants(Page::first(1_000.try_into().unwrap()))
        .await
        .unwrap();
    assert_eq!(all, model.tenants);
    for n in 0..5 {
        let name = domain(&format!("d{n}.example"));
        let found = directory.by_domain(&name).await.unwrap();
        assert_eq!(found.as_ref(), model.owner(&name));
    }
    for load in directory.cells().await.unwrap() {
        let here = |t: &&Tenant| t.placement.cell == load.record.cell && t.slug.is_some();
        let living = model.tenants.iter().filter(here).count();
        assert_eq!(load.tenants as usize, living, "{}", load.record.cell);
    }
    let facts = directory.snapshot().await.unwrap().facts;
    let facts: Vec<LogEntry> = facts.try_collect().await.unwrap();
    let mut known = Routes::default();
    facts.iter().for_each(|fact| known.learn(&fact.event));
    assert_eq!(known, Routes::of(&model.tenants), "the snapshot");
}

/// What a follower makes of the log: the facts, by what they are about.
#[derive(Clone, Debug, Default, PartialEq)]
struct Routes {
    tenants: BTreeMap<TenantId, (Option<Placement>, Option<PlanName>)>,
    names: BTreeMap<String, TenantId>,
}

impl Routes {
    fn of(tenants: &[Tenant]) -> Self {
        let mut routes = Self::default();
        for tenant in tenants {
            let facts = (Some(tenant.placement), Some(tenant.plan.clone()));
            routes.tenants.insert(tenant.id, facts);
            let slug = tenant.slug.iter().map(ToString::to_string);
            let names = slug.chain(tenant.domains.iter().map(ToString::to_string));
            routes.names.extend(names.map(|name| (name, tenant.id)));
        }
        routes
    }

    fn learn(&mut self, event: &DirectoryEvent) {
        let id = event.tenant();
        let facts = self.tenants.entry(id).or_default();
        match event {
            DirectoryEvent::Placed { placement, .. } => facts.0 = Some(*placement),
            DirectoryEvent::PlanChanged { plan, .. } => facts.1 = Some(plan.clone()),
            DirectoryEvent::SlugAdded { slug, .. } => {
                self.names.insert(slug.to_string(), id);
            }
            DirectoryEvent::DomainAdded { domain, .. } => {
                self.names.insert(domain.to_string(), id);
            }
            DirectoryEvent::SlugRemoved { slug, .. } => {
                self.names.remove(slug.as_str());
            }
            DirectoryEvent::DomainRemoved { domain, .. } => {
                self.names.remove(domain.as_str());
            }
        }
    }
}
