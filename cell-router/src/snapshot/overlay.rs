//! What the logs behind a base change in it.

use std::collections::BTreeMap;

use tenancy_types::{
    DirectoryEvent, DomainName, LogEntry, Placement, PlanName, Position, Revision, Slug, TenantId,
};

use super::{Damage, Refusal, format::HEADER};
use crate::Error;

/// The most bytes of logs behind a base. Whoever keeps files merges them before.
pub(super) const MOST: u64 = 24 << 20;

/// The entries behind a base, by tenant. What it takes is bounded by the bytes of the logs, however large the base is.
#[derive(Debug)]
pub(super) struct Overlay {
    base: Position,
    /// The last entry of all logs.
    end: Revision,
    /// The last entry of the present log.
    last: Revision,
    /// How long the logs are.
    bytes: u64,
    tenants: BTreeMap<TenantId, Changes>,
    names: Names,
}

/// What became of names. In one map for all tenants, most of which have few: a map takes room for several at once.
/// Without a name a key stands before all names of the tenant.
type Names = BTreeMap<(TenantId, Option<Name>), Fate>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Slug(Slug),
    Domain(DomainName),
}

/// How a tenant is at the end of the logs, where it changed.
#[derive(Debug, Default)]
struct Changes {
    revision: Revision,
    placement: Option<Placement>,
    plan: Option<PlanName>,
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
            bytes: 0,
            tenants: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// What it changes.
    #[cfg(feature = "peer")]
    pub(super) fn base(&self) -> Position {
        self.base
    }

    /// What base and logs contain together.
    pub(super) fn position(&self) -> Position {
        self.base.at(self.end)
    }

    /// Begins the next log. It may repeat what is known, but must not leave anything out.
    pub(super) fn begin(&mut self, log: Position) -> Result<(), Error> {
        if log.history != self.base.history || log.revision > self.end {
            return Err(Damage::Hole.into());
        }
        self.last = log.revision;
        self.count(HEADER)
    }

    /// Counts bytes of the logs, before what is in them is held.
    pub(super) fn count(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes += bytes as u64;
        if self.bytes > MOST {
            return Err(Refusal::TooLong { most: MOST }.into());
        }
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
            let tenant = event.tenant();
            let changes = self.tenants.entry(tenant).or_default();
            changes.revision = revision;
            let (name, fate) = match event {
                DirectoryEvent::Placed { placement, .. } => {
                    changes.placement = Some(placement);
                    return Ok(());
                }
                DirectoryEvent::PlanChanged { plan, .. } => {
                    changes.plan = Some(plan);
                    return Ok(());
                }
                DirectoryEvent::SlugAdded { slug, .. } => (Name::Slug(slug), Fate::Added),
                DirectoryEvent::SlugRemoved { slug, .. } => (Name::Slug(slug), Fate::Removed),
                DirectoryEvent::DomainAdded { domain, .. } => (Name::Domain(domain), Fate::Added),
                DirectoryEvent::DomainRemoved { domain, .. } => {
                    (Name::Domain(domain), Fate::Removed)
                }
            };
            self.names.insert((tenant, Some(name)), fate);
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
        if changes.covers(&fact.event, &self.names) {
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
            changes.tell(tenant, &self.names, out);
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
            changes.tell(tenant, &self.names, out);
        }
    }
}

impl Changes {
    /// Whether a fact of the base is no longer so, or is told by [`tell`](Self::tell).
    fn covers(&self, fact: &DirectoryEvent, names: &Names) -> bool {
        let has_changed = |name| names.contains_key(&(fact.tenant(), Some(name)));
        match fact {
            DirectoryEvent::Placed { .. } => self.told,
            DirectoryEvent::PlanChanged { .. } => self.plan.is_some(),
            DirectoryEvent::SlugAdded { slug, .. } | DirectoryEvent::SlugRemoved { slug, .. } => {
                has_changed(Name::Slug(slug.clone()))
            }
            DirectoryEvent::DomainAdded { domain, .. }
            | DirectoryEvent::DomainRemoved { domain, .. } => {
                has_changed(Name::Domain(domain.clone()))
            }
        }
    }

    fn tell(&mut self, tenant: TenantId, names: &Names, out: &mut Vec<LogEntry>) {
        self.told = true;
        let revision = self.revision;
        let plan = self.plan.iter().cloned();
        let plan = plan.map(|plan| DirectoryEvent::PlanChanged { tenant, plan });
        let own = names
            .range((tenant, None)..)
            .take_while(|((owner, _), _)| *owner == tenant);
        let present = own.filter(|(_, fate)| **fate == Fate::Added);
        let present = present.filter_map(|((_, name), _)| {
            Some(match name.clone()? {
                Name::Slug(slug) => DirectoryEvent::SlugAdded { slug, tenant },
                Name::Domain(domain) => DirectoryEvent::DomainAdded { domain, tenant },
            })
        });
        out.extend(
            plan.chain(present)
                .map(|event| LogEntry { revision, event }),
        );
    }
}
