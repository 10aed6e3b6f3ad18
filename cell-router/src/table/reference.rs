use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use tenancy_types::{
    Answer, DirectoryEvent, DomainName, LogEntry, Lookup, Placement, Revision, Route, TenantId,
};

use super::{Applied, RouteTable};

/// The plain table: hash maps behind one lock.
///
/// It is the reference that faster tables are compared with, and good enough for tens of thousands of
/// tenants. A lookup takes a read lock, hashes once or twice and allocates nothing, found or not; writers
/// hold the lock for one entry, and [`replace`](RouteTable::replace) only for a swap.
///
/// ```
/// use tenancy_cell_router::{ReferenceDraft, ReferenceTable, RouteTable};
/// use tenancy_types::{
///     Answer, CellId, DirectoryEvent, DomainName, Epoch, Lifecycle, LogEntry, Lookup, Placement,
///     Revision, TenantId,
/// };
///
/// let tenant = TenantId::new(1).unwrap();
/// let domain = DomainName::from_normalised("shop.example.com").unwrap();
/// let home = Placement::new(CellId::new(3).unwrap(), Lifecycle::Active, Epoch::FIRST);
///
/// let table = ReferenceTable::new();
/// assert_eq!(table.lookup(&domain), Answer::NotReady);
/// table.replace(ReferenceDraft::default(), Revision::ZERO);
/// assert_eq!(table.lookup(&domain), Answer::Absent);
///
/// let placed = DirectoryEvent::Placed { tenant, placement: home };
/// let added = DirectoryEvent::DomainAdded { domain: domain.clone(), tenant };
/// for (revision, event) in [(1, placed), (2, added)] {
///     table.apply(&LogEntry { revision: Revision::new(revision), event });
/// }
/// assert!(matches!(table.lookup(&domain), Answer::Hit(route) if route.placement == home));
/// ```
#[derive(Default)]
pub struct ReferenceTable {
    inner: RwLock<Inner>,
}

/// A [`ReferenceTable`] in the making.
#[derive(Debug, Default)]
pub struct ReferenceDraft {
    maps: Maps,
}

#[derive(Default)]
struct Inner {
    maps: Maps,
    /// `None` until the first filling.
    revisions: Option<Revisions>,
}

struct Revisions {
    /// Every entry up to here is contained, whosever it is.
    floor: Revision,
    /// The greatest revision contained.
    newest: Revision,
}

#[derive(Debug, Default)]
struct Maps {
    tenants: HashMap<TenantId, Home>,
    domains: HashMap<DomainName, Claim>,
    /// Keyed by the text, because lookups come with a label that need not be a slug.
    slugs: HashMap<Box<str>, Claim>,
}

#[derive(Debug)]
struct Home {
    /// `None` only if the log names a tenant before it places it, which a directory never does.
    placement: Option<Placement>,
    /// The tenant's last entry.
    revision: Revision,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    tenant: TenantId,
    /// When the tenant got it: a claim that comes late must not displace its successor.
    revision: Revision,
}

impl ReferenceTable {
    /// A table that is not ready.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many domains lead somewhere.
    #[must_use]
    pub fn domains(&self) -> usize {
        self.read().maps.domains.len()
    }

    /// No change is done in halves, so a panic elsewhere does not make the table unusable.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn answer(&self, claim: Option<&Claim>) -> Answer {
        if self.revisions.is_none() {
            return Answer::NotReady;
        }
        let route = claim.and_then(|claim| {
            Some(Route {
                tenant: claim.tenant,
                placement: self.maps.placement(claim.tenant)?,
            })
        });
        route.map_or(Answer::Absent, Answer::Hit)
    }
}

impl Lookup for ReferenceTable {
    fn lookup(&self, domain: &DomainName) -> Answer {
        let inner = self.read();
        inner.answer(inner.maps.domains.get(domain))
    }

    fn lookup_slug(&self, slug: &str) -> Answer {
        let inner = self.read();
        inner.answer(inner.maps.slugs.get(slug))
    }

    fn placement(&self, tenant: TenantId) -> Option<Placement> {
        self.read().maps.placement(tenant)
    }
}

impl RouteTable for ReferenceTable {
    type Draft = ReferenceDraft;

    fn apply(&self, entry: &LogEntry) -> Applied {
        let mut inner = self.write();
        let Inner { maps, revisions } = &mut *inner;
        let Some(revisions) = revisions else {
            return Applied::NotReady;
        };
        if entry.revision <= revisions.floor || !maps.is_newer(entry) {
            return Applied::Stale;
        }
        maps.apply(entry);
        revisions.newest = revisions.newest.max(entry.revision);
        Applied::Newer
    }

    fn replace(&self, draft: ReferenceDraft, revision: Revision) {
        let full = Inner {
            maps: draft.maps,
            revisions: Some(Revisions {
                floor: revision,
                newest: revision,
            }),
        };
        let old = std::mem::replace(&mut *self.write(), full);
        // Freeing millions of keys takes a while; by now nobody waits for the lock.
        drop(old);
    }

    fn revision(&self) -> Option<Revision> {
        Some(self.read().revisions.as_ref()?.newest)
    }
}

impl Extend<LogEntry> for ReferenceDraft {
    fn extend<I: IntoIterator<Item = LogEntry>>(&mut self, facts: I) {
        for fact in facts {
            self.maps.apply(&fact);
        }
    }
}

impl Maps {
    fn placement(&self, tenant: TenantId) -> Option<Placement> {
        self.tenants.get(&tenant)?.placement
    }

    fn is_newer(&self, entry: &LogEntry) -> bool {
        let home = self.tenants.get(&entry.event.tenant());
        home.is_none_or(|home| entry.revision > home.revision)
    }

    fn apply(&mut self, entry: &LogEntry) {
        let revision = entry.revision;
        let home = self.tenants.entry(entry.event.tenant()).or_insert(Home {
            placement: None,
            revision,
        });
        home.revision = revision;
        match &entry.event {
            DirectoryEvent::Placed { placement, .. } => home.placement = Some(*placement),
            // Who limits by plan observes the log itself.
            DirectoryEvent::PlanChanged { .. } => {}
            DirectoryEvent::SlugAdded { slug, tenant } => {
                let claim = Claim {
                    tenant: *tenant,
                    revision,
                };
                put(&mut self.slugs, slug.as_str().into(), claim);
            }
            DirectoryEvent::SlugRemoved { slug, tenant } => {
                take(&mut self.slugs, slug.as_str(), *tenant);
            }
            DirectoryEvent::DomainAdded { domain, tenant } => {
                let claim = Claim {
                    tenant: *tenant,
                    revision,
                };
                put(&mut self.domains, domain.clone(), claim);
            }
            DirectoryEvent::DomainRemoved { domain, tenant } => {
                take(&mut self.domains, domain.as_str(), *tenant);
            }
        }
    }
}

fn put<K: Eq + Hash>(claims: &mut HashMap<K, Claim>, key: K, claim: Claim) {
    let present = claims.entry(key).or_insert(claim);
    if claim.revision > present.revision {
        *present = claim;
    }
}

/// Only the tenant that has it can lose it: another may have got it since.
fn take<K>(claims: &mut HashMap<K, Claim>, key: &str, tenant: TenantId)
where
    K: Eq + Hash + std::borrow::Borrow<str>,
{
    if claims.get(key).is_some_and(|claim| claim.tenant == tenant) {
        claims.remove(key);
    }
}

impl fmt::Debug for ReferenceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.read();
        f.debug_struct("ReferenceTable")
            .field("tenants", &inner.maps.tenants.len())
            .field("domains", &inner.maps.domains.len())
            .field("revision", &inner.revisions.as_ref().map(|r| r.newest))
            .finish()
    }
}
