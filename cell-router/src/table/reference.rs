use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use tenancy_types::{
    Answer, DirectoryEvent, DomainName, LogEntry, Lookup, Placement, Position, Revision, Route,
    TenantId,
};

use super::{Applied, RouteTable, TableSize};

/// The plain table: hash maps behind one lock.
///
/// It is the reference that faster tables are compared with, and good enough for tens of thousands of
/// tenants. A lookup takes a read lock, hashes once or twice and allocates nothing, found or not; writers
/// hold the lock for one entry, and [`replace`](RouteTable::replace) only for a swap.
///
/// ```
/// use tenancy_cell_router::{ReferenceDraft, ReferenceTable, RouteTable};
/// use tenancy_types::{
///     Answer, CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
///     Lookup, Placement, Position, Revision, TenantId,
/// };
///
/// let tenant = TenantId::new(1).unwrap();
/// let domain = DomainName::from_normalised("shop.example.com").unwrap();
/// let home = Placement::new(CellId::new(3).unwrap(), Lifecycle::Active, Epoch::FIRST);
///
/// let table = ReferenceTable::new();
/// assert_eq!(table.lookup(&domain), Answer::NotReady);
/// let history = History { directory: DirectoryId::from_u128(1), incarnation: 0 };
/// table.replace(ReferenceDraft::default(), Position { history, revision: Revision::ZERO });
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

/// What a [`ReferenceTable`] holds.
#[derive(Debug)]
pub struct ReferenceContents(Inner);

#[derive(Debug, Default)]
struct Inner {
    maps: Maps,
    /// `None` until the first filling.
    contained: Option<Contained>,
}

#[derive(Debug)]
struct Contained {
    /// Every entry up to here is contained, whosever it is.
    floor: Revision,
    /// The greatest revision contained.
    newest: Position,
}

#[derive(Debug, Default)]
struct Maps {
    tenants: HashMap<TenantId, Home>,
    domains: HashMap<DomainName, Claim>,
    /// Keyed by what is behind the `*.`.
    patterns: HashMap<Box<str>, Claim>,
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
        if self.contained.is_none() {
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
    fn lookup_host(&self, host: &str) -> Answer {
        let inner = self.read();
        inner.answer(inner.maps.claim(host))
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
    type Contents = ReferenceContents;

    fn apply(&self, entry: &LogEntry) -> Applied {
        let mut inner = self.write();
        let Inner { maps, contained } = &mut *inner;
        let Some(contained) = contained else {
            return Applied::NotReady;
        };
        if entry.revision <= contained.floor || !maps.is_newer(entry) {
            return Applied::Stale;
        }
        maps.apply(entry);
        contained.newest.revision = contained.newest.revision.max(entry.revision);
        Applied::Newer
    }

    fn hint(&self, tenant: TenantId, placement: Placement) -> Applied {
        let mut inner = self.write();
        if inner.contained.is_none() {
            return Applied::NotReady;
        }
        let known = inner.maps.tenants.get_mut(&tenant);
        match known.and_then(|home| home.placement.as_mut()) {
            Some(known) if known.epoch < placement.epoch => {
                *known = placement;
                Applied::Newer
            }
            _ => Applied::Stale,
        }
    }

    fn prepare(draft: ReferenceDraft, position: Position) -> ReferenceContents {
        ReferenceContents(Inner {
            maps: draft.maps,
            contained: Some(Contained {
                floor: position.revision,
                newest: position,
            }),
        })
    }

    fn put(&self, ReferenceContents(full): ReferenceContents) -> ReferenceContents {
        ReferenceContents(std::mem::replace(&mut *self.write(), full))
    }

    fn position(&self) -> Option<Position> {
        Some(self.read().contained.as_ref()?.newest)
    }

    fn size(&self) -> TableSize {
        let maps = &self.read().maps;
        TableSize {
            tenants: maps.tenants.len(),
            names: maps.domains.len() + maps.patterns.len() + maps.slugs.len(),
        }
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

    /// The exact name's, or that of the longest pattern above it.
    fn claim(&self, host: &str) -> Option<&Claim> {
        let suffixes = host.match_indices('.').map(|(at, _)| &host[at + 1..]);
        let mut patterns = suffixes.filter_map(|suffix| self.patterns.get(suffix));
        self.domains.get(host).or_else(|| patterns.next())
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
            DirectoryEvent::Placed { placement, .. } => home.place(*placement),
            // Who limits by plan observes the log itself.
            DirectoryEvent::PlanChanged { .. } => {}
            DirectoryEvent::SlugAdded { slug, tenant } => {
                let claim = Claim::new(*tenant, revision);
                put(&mut self.slugs, slug.as_str().into(), claim);
            }
            DirectoryEvent::SlugRemoved { slug, tenant } => {
                take(&mut self.slugs, slug.as_str(), *tenant);
            }
            DirectoryEvent::DomainAdded { domain, tenant } => {
                let claim = Claim::new(*tenant, revision);
                match domain.wildcard_suffix() {
                    None => put(&mut self.domains, domain.clone(), claim),
                    Some(suffix) => put(&mut self.patterns, suffix.into(), claim),
                }
            }
            DirectoryEvent::DomainRemoved { domain, tenant } => match domain.wildcard_suffix() {
                None => take(&mut self.domains, domain.as_str(), *tenant),
                Some(suffix) => take(&mut self.patterns, suffix, *tenant),
            },
        }
    }
}

impl Claim {
    fn new(tenant: TenantId, revision: Revision) -> Self {
        Self { tenant, revision }
    }
}

impl Home {
    /// A hint may have told of a later epoch than the log has reached.
    fn place(&mut self, placement: Placement) {
        if self
            .placement
            .is_none_or(|known| known.epoch <= placement.epoch)
        {
            self.placement = Some(placement);
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
            .field("position", &inner.contained.as_ref().map(|c| c.newest))
            .finish()
    }
}
