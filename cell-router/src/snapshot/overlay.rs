//! What the logs behind a base change in it.

use std::collections::BTreeMap;

use tenancy_types::{
    DirectoryEvent, DomainName, LogEntry, Placement, PlanName, Position, Revision, Slug, TenantId,
};

use super::Damage;

/// The entries behind a base, by tenant. Its size is that of the logs, however large the base is.
#[derive(Debug)]
pub(super) struct Overlay {
    base: Position,
    /// The last entry of all logs.
    end: Revision,
    /// The last entry of the present log.
    last: Revision,
    tenants: BTreeMap<TenantId, Changes>,
}

/// How a tenant is at the end of the logs, where it changed.
#[derive(Debug, Default)]
struct Changes {
    revision: Revision,
    placement: Option<Placement>,
    plan: Option<PlanName>,
    slugs: BTreeMap<Slug, Fate>,
    domains: BTreeMap<DomainName, Fate>,
    told: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Added,
    Removed,
}

impl Overlay {
    pub(super) fn new(base: Position) -> Self {
        Self {
            base,
            end: base.revision,
            last: base.revision,
            tenants: BTreeMap::new(),
        }
    }

    /// What base and logs contain together.
    pub(super) fn position(&self) -> Position {
        self.base.at(self.end)
    }

    /// Begins the next log. It may repeat what is known, but must not leave anything out.
    pub(super) fn begin(&mut self, log: Position) -> Result<(), Damage> {
        if log.history != self.base.history || log.revision > self.end {
            return Err(Damage::Hole);
        }
        self.last = log.revision;
        Ok(())
    }

    /// Takes the next entry of the log.
    pub(super) fn apply(&mut self, entry: LogEntry) -> Result<(), Damage> {
        let LogEntry { revision, event } = entry;
        if revision <= self.last {
            return Err(Damage::Order {
                found: revision,
                after: self.last,
            });
        }
        self.last = revision;
        if revision > self.end {
            self.end = revision;
            let changes = self.tenants.entry(event.tenant()).or_default();
            changes.revision = revision;
            changes.apply(event);
        }
        Ok(())
    }

    /// Hands on a fact of the base as it is at the end of the logs, and with a tenant's placement what became of it
    /// since.
    #[inline]
    pub(super) fn merge(&mut self, fact: LogEntry, out: &mut Vec<LogEntry>) {
        if self.tenants.is_empty() {
            out.push(fact);
        } else {
            self.merge_changed(fact, out);
        }
    }

    fn merge_changed(&mut self, fact: LogEntry, out: &mut Vec<LogEntry>) {
        let Some(changes) = self.tenants.get_mut(&fact.event.tenant()) else {
            out.push(fact);
            return;
        };
        if changes.covers(&fact.event) {
            return;
        }
        let event = match (fact.event, changes.placement) {
            (DirectoryEvent::Placed { tenant, .. }, Some(placement)) => {
                DirectoryEvent::Placed { tenant, placement }
            }
            (event, _) => event,
        };
        let begins = matches!(event, DirectoryEvent::Placed { .. });
        let revision = changes.revision;
        let tenant = event.tenant();
        out.push(LogEntry { revision, event });
        if begins {
            changes.tell(tenant, out);
        }
    }

    /// Hands on the tenants that are not in the base.
    pub(super) fn finish(self, out: &mut Vec<LogEntry>) {
        for (tenant, mut changes) in self.tenants {
            if changes.told {
                continue;
            }
            if let Some(placement) = changes.placement {
                let event = DirectoryEvent::Placed { tenant, placement };
                let revision = changes.revision;
                out.push(LogEntry { revision, event });
            }
            changes.tell(tenant, out);
        }
    }
}

impl Changes {
    fn apply(&mut self, event: DirectoryEvent) {
        match event {
            DirectoryEvent::Placed { placement, .. } => self.placement = Some(placement),
            DirectoryEvent::PlanChanged { plan, .. } => self.plan = Some(plan),
            DirectoryEvent::SlugAdded { slug, .. } => {
                self.slugs.insert(slug, Fate::Added);
            }
            DirectoryEvent::SlugRemoved { slug, .. } => {
                self.slugs.insert(slug, Fate::Removed);
            }
            DirectoryEvent::DomainAdded { domain, .. } => {
                self.domains.insert(domain, Fate::Added);
            }
            DirectoryEvent::DomainRemoved { domain, .. } => {
                self.domains.insert(domain, Fate::Removed);
            }
        }
    }

    /// Whether a fact of the base is no longer so, or is told by [`tell`](Self::tell).
    fn covers(&self, fact: &DirectoryEvent) -> bool {
        match fact {
            DirectoryEvent::Placed { .. } => self.told,
            DirectoryEvent::PlanChanged { .. } => self.plan.is_some(),
            DirectoryEvent::SlugAdded { slug, .. } | DirectoryEvent::SlugRemoved { slug, .. } => {
                self.slugs.contains_key(slug)
            }
            DirectoryEvent::DomainAdded { domain, .. }
            | DirectoryEvent::DomainRemoved { domain, .. } => self.domains.contains_key(domain),
        }
    }

    fn tell(&mut self, tenant: TenantId, out: &mut Vec<LogEntry>) {
        self.told = true;
        let plan = self.plan.iter().cloned();
        let plan = plan.map(|plan| DirectoryEvent::PlanChanged { tenant, plan });
        let slugs = present(&self.slugs).map(|slug| DirectoryEvent::SlugAdded { slug, tenant });
        let domains =
            present(&self.domains).map(|domain| DirectoryEvent::DomainAdded { domain, tenant });
        let revision = self.revision;
        let events = plan.chain(slugs).chain(domains);
        out.extend(events.map(|event| LogEntry { revision, event }));
    }
}

fn present<N: Clone>(names: &BTreeMap<N, Fate>) -> impl Iterator<Item = N> {
    let added = names.iter().filter(|(_, fate)| **fate == Fate::Added);
    added.map(|(name, _)| name.clone())
}
