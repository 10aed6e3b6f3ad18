//! Words for the cases, and helpers that panic where a case goes wrong.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt};
use tenancy_types::{
    CellId, DirectoryEvent, DomainName, Lifecycle, LogEntry, Placement, PlanName, Position,
    Revision, Slug, TenantId,
};

use super::super::{
    CellRecord, Directory, DirectoryError, NewTenant, Snapshot, Tenant, TenantChange,
};

pub(super) fn cell(id: u16) -> CellId {
    CellId::new(id).expect("a cell's id")
}

pub(super) fn slug(text: &str) -> Slug {
    text.parse().expect("a slug")
}

pub(super) fn plan(text: &str) -> PlanName {
    text.parse().expect("a plan's name")
}

pub(super) fn domain(text: &str) -> DomainName {
    DomainName::from_pattern(text).expect("a domain")
}

/// A request for a tenant in cell 1, under a key of its own.
pub(super) fn request(name: &str, domains: &[&str]) -> NewTenant {
    NewTenant {
        request: format!("make {name}").parse().expect("a key"),
        slug: slug(name),
        plan: plan("basic"),
        region: Some("eu".parse().expect("a region")),
        domains: domains.iter().map(|name| domain(name)).collect(),
        cell: cell(1),
    }
}

pub(super) async fn put_cell(directory: &impl Directory, id: u16, capacity: u32) {
    let record = CellRecord {
        cell: cell(id),
        region: "eu".parse().expect("a region"),
        capacity,
    };
    directory.put_cell(record).await.expect("the cell is put");
}

/// Gives the directory a cell 1 with room for all.
pub(super) async fn with_cell<D: Directory>(directory: D) -> D {
    put_cell(&directory, 1, 1_000).await;
    directory
}

pub(super) async fn make(directory: &impl Directory, new: NewTenant) -> Tenant {
    directory.create(new).await.expect("the tenant is made")
}

pub(super) async fn change(
    directory: &impl Directory,
    tenant: &Tenant,
    change: TenantChange,
) -> Tenant {
    directory
        .change(tenant.id, tenant.revision, change)
        .await
        .expect("the tenant is changed")
}

pub(super) fn to(lifecycle: Lifecycle) -> TenantChange {
    TenantChange {
        lifecycle: Some(lifecycle),
        ..TenantChange::default()
    }
}

/// The code of a refusal, for which a success is a failure of the case.
#[track_caller]
pub(super) fn refused<T: std::fmt::Debug>(result: Result<T, DirectoryError>) -> DirectoryError {
    result.expect_err("the directory must refuse this")
}

/// A place in the directory's present log.
pub(super) async fn at(directory: &impl Directory, revision: Revision) -> Position {
    directory.newest().await.expect("an end").at(revision)
}

/// The log behind `after` up to its present end.
pub(super) async fn log_after(directory: &impl Directory, after: Revision) -> Vec<LogEntry> {
    let end = directory.newest().await.expect("an end");
    let newest = end.revision;
    let mut entries = Vec::new();
    let mut changes = directory.changes(end.at(after));
    while entries
        .last()
        .map_or(after, |entry: &LogEntry| entry.revision)
        < newest
    {
        let entry = changes.next().await.expect("the log does not end");
        entries.push(entry.expect("an entry"));
    }
    entries
}

/// What a follower knows.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Known {
    placements: BTreeMap<TenantId, Placement>,
    plans: BTreeMap<TenantId, PlanName>,
    slugs: BTreeMap<Slug, TenantId>,
    domains: BTreeMap<DomainName, TenantId>,
}

impl Known {
    pub(super) fn learn(&mut self, event: DirectoryEvent) {
        match event {
            DirectoryEvent::Placed { tenant, placement } => {
                self.placements.insert(tenant, placement);
            }
            DirectoryEvent::PlanChanged { tenant, plan } => {
                self.plans.insert(tenant, plan);
            }
            DirectoryEvent::SlugAdded { slug, tenant } => {
                self.slugs.insert(slug, tenant);
            }
            DirectoryEvent::SlugRemoved { slug, tenant } => {
                assert_eq!(self.slugs.remove(&slug), Some(tenant), "{slug} is removed");
            }
            DirectoryEvent::DomainAdded { domain, tenant } => {
                self.domains.insert(domain, tenant);
            }
            DirectoryEvent::DomainRemoved { domain, tenant } => {
                let had = self.domains.remove(&domain);
                assert_eq!(had, Some(tenant), "{domain} is removed");
            }
        }
    }

    /// From the directory's own records.
    pub(super) async fn read(directory: &impl Directory) -> Self {
        let mut known = Self::default();
        for tenant in all(directory).await {
            known.placements.insert(tenant.id, tenant.placement);
            known.plans.insert(tenant.id, tenant.plan);
            known
                .slugs
                .extend(tenant.slug.map(|slug| (slug, tenant.id)));
            let domains = tenant.domains.into_iter().map(|name| (name, tenant.id));
            known.domains.extend(domains);
        }
        known
    }

    /// From a snapshot, with its revision.
    pub(super) async fn snapshot(directory: &impl Directory) -> (Self, Revision) {
        Self::collect(directory.snapshot().await.expect("a snapshot")).await
    }

    pub(super) async fn collect(snapshot: Snapshot) -> (Self, Revision) {
        let facts: Vec<LogEntry> = snapshot.facts.try_collect().await.expect("its facts");
        let mut known = Self::default();
        for fact in facts {
            assert!(
                fact.revision <= snapshot.position.revision,
                "{fact:?} is too new"
            );
            known.learn(fact.event);
        }
        (known, snapshot.position.revision)
    }
}

pub(super) async fn all(directory: &impl Directory) -> Vec<Tenant> {
    let limit = 3.try_into().expect("not zero");
    let mut page = super::super::Page::first(limit);
    let mut all: Vec<Tenant> = Vec::new();
    loop {
        let tenants = directory.tenants(page).await.expect("a page");
        assert!(tenants.len() <= 3, "a page has at most its limit");
        let Some(last) = tenants.last() else {
            return all;
        };
        page = page.after(last.id);
        all.extend(tenants);
    }
}
