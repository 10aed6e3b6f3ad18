//! What an operation does to the directory, as facts for the log: no I/O, no clock.
//!
//! Implementations check what only they can know (who else has a slug, how full a cell is) and then apply
//! the facts in the order given, each with its own revision.

use std::{collections::BTreeSet, fmt::Write};

use tenancy_types::{
    CellId, DirectoryEvent, DomainName, Epoch, Lifecycle, LogEntry, Placement, Revision, TenantId,
    UnixMicros,
};

use super::{DirectoryError, NewTenant, Tenant, TenantChange};
use crate::protocol::{PlacementEvent, placement};

/// The tenant that a request makes. What goes into the log are its [`facts`].
pub(super) fn newborn(
    id: TenantId,
    new: &NewTenant,
    created: UnixMicros,
    incarnation: u16,
) -> Tenant {
    let epoch = Epoch::new(incarnation, Epoch::FIRST.seq());
    Tenant {
        id,
        slug: Some(new.slug.clone()),
        plan: new.plan.clone(),
        region: new.region.clone(),
        domains: domains(new).into_iter().cloned().collect(),
        placement: Placement::new(new.cell, Lifecycle::Provisioning, epoch),
        revision: Revision::ZERO,
        created,
    }
}

/// What a repeated request must ask for again: everything but the cell, as one text.
pub(super) fn wanted(new: &NewTenant) -> String {
    let region = new.region.as_ref().map_or("", |region| region.as_str());
    let mut text = format!("{} {} {region}", new.slug, new.plan);
    for domain in domains(new) {
        let _ = write!(text, " {domain}");
    }
    text
}

fn domains(new: &NewTenant) -> BTreeSet<&DomainName> {
    new.domains.iter().collect()
}

/// The facts of a change to the tenant, given that the caller last saw it at `expected`.
pub(super) fn change(
    tenant: &Tenant,
    expected: Revision,
    change: &TenantChange,
    incarnation: u16,
) -> Result<Vec<DirectoryEvent>, DirectoryError> {
    if tenant.placement.lifecycle == Lifecycle::Gone {
        return Err(DirectoryError::TenantGone { tenant: tenant.id });
    }
    if tenant.revision != expected {
        return Err(DirectoryError::VersionMismatch {
            expected,
            found: tenant.revision,
        });
    }
    let mut facts = Vec::new();
    let placement = changed_placement(tenant.placement, change.lifecycle)?
        .map(|placement| issued(placement, incarnation));
    facts.extend(placement.map(|placement| DirectoryEvent::Placed {
        tenant: tenant.id,
        placement,
    }));
    if let Some(plan) = change.plan.as_ref().filter(|plan| **plan != tenant.plan) {
        facts.push(DirectoryEvent::PlanChanged {
            tenant: tenant.id,
            plan: plan.clone(),
        });
    }
    if placement.is_some_and(|placement| placement.lifecycle == Lifecycle::Gone) {
        facts.extend(leave(tenant));
    } else {
        facts.extend(changed_domains(tenant, change));
    }
    Ok(facts)
}

fn changed_placement(
    now: Placement,
    wanted: Option<Lifecycle>,
) -> Result<Option<Placement>, DirectoryError> {
    match wanted {
        None => Ok(None),
        Some(lifecycle) if lifecycle == now.lifecycle && !now.moving => Ok(None),
        Some(lifecycle) => Ok(Some(placement::next(
            now,
            PlacementEvent::Lifecycle(lifecycle),
        )?)),
    }
}

/// The first epoch behind a restore is one of the new incarnation: newer than any that was issued before, also by the
/// directory that was lost.
fn issued(placement: Placement, incarnation: u16) -> Placement {
    if placement.epoch.incarnation() >= incarnation {
        return placement;
    }
    Placement {
        epoch: Epoch::new(incarnation, Epoch::FIRST.seq()),
        ..placement
    }
}

/// The incarnation behind the `expected` one, when that is what was found.
pub(super) fn raise(found: u16, expected: u16) -> Result<u16, DirectoryError> {
    if found != expected {
        return Err(DirectoryError::IncarnationMismatch { expected, found });
    }
    (found.checked_add(1)).ok_or(DirectoryError::IncarnationsExhausted)
}

fn changed_domains(tenant: &Tenant, change: &TenantChange) -> Vec<DirectoryEvent> {
    let has: BTreeSet<_> = tenant.domains.iter().collect();
    let add: BTreeSet<_> = change.add_domains.iter().collect();
    let remove: BTreeSet<_> = change.remove_domains.iter().collect();
    let removed = (has.intersection(&remove))
        .filter(|domain| !add.contains(**domain))
        .map(|domain| removed(tenant.id, domain));
    let added = add.difference(&has).map(|domain| added(tenant.id, domain));
    removed.chain(added).collect()
}

/// The facts that remain of a tenant that is gone once it is forgotten, and the tenant without the rest.
///
/// They are written anew at the end of the log, so that its last revision never falls.
pub(super) fn forget(tenant: &Tenant) -> Result<(Tenant, Vec<DirectoryEvent>), DirectoryError> {
    if tenant.placement.lifecycle != Lifecycle::Gone {
        return Err(DirectoryError::NotGone { tenant: tenant.id });
    }
    let mut forgotten = tenant.clone();
    forgotten.region = None;
    let facts = facts(&forgotten);
    Ok((forgotten, facts))
}

/// A tenant that is gone gives back its slug and its domains.
fn leave(tenant: &Tenant) -> impl Iterator<Item = DirectoryEvent> {
    let slug = (tenant.slug.iter()).map(|slug| DirectoryEvent::SlugRemoved {
        slug: slug.clone(),
        tenant: tenant.id,
    });
    slug.chain(
        tenant
            .domains
            .iter()
            .map(|domain| removed(tenant.id, domain)),
    )
}

fn added(tenant: TenantId, domain: &DomainName) -> DirectoryEvent {
    DirectoryEvent::DomainAdded {
        domain: domain.clone(),
        tenant,
    }
}

fn removed(tenant: TenantId, domain: &DomainName) -> DirectoryEvent {
    DirectoryEvent::DomainRemoved {
        domain: domain.clone(),
        tenant,
    }
}

/// All facts about a tenant as it is now: what its creation logs, and what a snapshot holds.
///
/// The placement comes first, so that no follower ever knows a domain without knowing where it leads.
pub(super) fn facts(tenant: &Tenant) -> Vec<DirectoryEvent> {
    let id = tenant.id;
    let mut facts = vec![
        DirectoryEvent::Placed {
            tenant: id,
            placement: tenant.placement,
        },
        DirectoryEvent::PlanChanged {
            tenant: id,
            plan: tenant.plan.clone(),
        },
    ];
    facts.extend(tenant.slug.iter().map(|slug| DirectoryEvent::SlugAdded {
        slug: slug.clone(),
        tenant: id,
    }));
    facts.extend(tenant.domains.iter().map(|domain| added(id, domain)));
    facts
}

/// The facts of a snapshot about this tenant, at the revision of its last change.
pub(super) fn snapshot(tenant: &Tenant) -> impl Iterator<Item = LogEntry> + use<> {
    let revision = tenant.revision;
    (facts(tenant).into_iter()).map(move |event| LogEntry { revision, event })
}

/// Gives each fact its place in the log behind `newest`.
pub(super) fn entries(facts: Vec<DirectoryEvent>, newest: Revision) -> Vec<LogEntry> {
    let revisions = (newest.get() + 1..).map(Revision::new);
    revisions
        .zip(facts)
        .map(|(revision, event)| LogEntry { revision, event })
        .collect()
}

/// The tenant after an entry about it.
pub(super) fn apply(tenant: &mut Tenant, entry: &LogEntry) {
    tenant.revision = entry.revision;
    match &entry.event {
        DirectoryEvent::Placed { placement, .. } => tenant.placement = *placement,
        DirectoryEvent::PlanChanged { plan, .. } => tenant.plan = plan.clone(),
        DirectoryEvent::SlugAdded { slug, .. } => tenant.slug = Some(slug.clone()),
        DirectoryEvent::SlugRemoved { .. } => tenant.slug = None,
        DirectoryEvent::DomainAdded { domain, .. } => {
            if let Err(at) = tenant.domains.binary_search(domain) {
                tenant.domains.insert(at, domain.clone());
            }
        }
        DirectoryEvent::DomainRemoved { domain, .. } => {
            if let Ok(at) = tenant.domains.binary_search(domain) {
                tenant.domains.remove(at);
            }
        }
    }
}

/// The cell that counts the tenant among its own.
pub(super) fn lives_in(tenant: &Tenant) -> Option<CellId> {
    let placement = tenant.placement;
    (placement.lifecycle != Lifecycle::Gone).then_some(placement.cell)
}
