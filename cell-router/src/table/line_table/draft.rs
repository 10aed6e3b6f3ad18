//! A table in the making.

use std::{fmt, hash::RandomState};

use tenancy_types::{
    DirectoryEvent, DomainName, LogEntry, Placement, Position, Revision, TenantId,
};

use super::{
    books::{self, Books, Contents, Patterns},
    depths::labels,
    fingerprint::{Fingerprint, Keys},
    lines::Lines,
};
use crate::{
    TableSize,
    sync::{Ordering, Words},
};

/// A [`LineTable`](super::LineTable) in the making: 24 bytes for each name until it is put in place.
///
/// It takes facts in any order, with keys of its own. Claims wait in buckets by their fingerprints: how many lines
/// there must be is known only at the end, and then each bucket is sorted in the processor's cache and written into
/// neighbouring lines, several times as fast as one name here and one there.
///
/// ```
/// use tenancy_cell_router::{LineDraft, LineTable, RouteTable};
/// use tenancy_types::{DirectoryId, History, Position, Revision};
///
/// let history = History { directory: DirectoryId::from_u128(1), incarnation: 0 };
/// let table = LineTable::new();
/// table.replace(LineDraft::default(), Position { history, revision: Revision::ZERO });
/// assert_eq!(table.size().names, 0);
/// ```
pub struct LineDraft {
    keys: Keys,
    buckets: Box<[Vec<Claim>]>,
    homes: Words,
    tenants: usize,
    patterns: Patterns,
}

const BUCKETS: usize = 256;

#[derive(Clone, Copy)]
struct Claim {
    name: Fingerprint,
    tenant: TenantId,
    revision: Revision,
}

impl Default for LineDraft {
    fn default() -> Self {
        Self {
            keys: Keys::derive(&RandomState::new()),
            buckets: (0..BUCKETS).map(|_| Vec::new()).collect(),
            homes: Words::with_capacity(0),
            tenants: 0,
            patterns: [0; 128],
        }
    }
}

impl Extend<LogEntry> for LineDraft {
    fn extend<I: IntoIterator<Item = LogEntry>>(&mut self, facts: I) {
        for fact in facts {
            self.take(&fact);
        }
    }
}

impl LineDraft {
    fn take(&mut self, fact: &LogEntry) {
        let (tenant, revision) = (fact.event.tenant(), fact.revision);
        let claim = |name| Claim {
            name,
            tenant,
            revision,
        };
        match &fact.event {
            DirectoryEvent::Placed { placement, .. } => self.place(tenant, *placement),
            // Who limits by plan observes the log itself.
            DirectoryEvent::PlanChanged { .. } => {}
            DirectoryEvent::SlugAdded { slug, .. } => {
                self.claim(claim(self.keys.slug(slug.as_str())));
            }
            DirectoryEvent::SlugRemoved { slug, .. } => {
                self.give_up(self.keys.slug(slug.as_str()), tenant);
            }
            DirectoryEvent::DomainAdded { domain, .. } => {
                self.claim(claim(self.name(domain)));
                if let Some(suffix) = domain.wildcard_suffix() {
                    self.patterns[labels(suffix)] += 1;
                }
            }
            DirectoryEvent::DomainRemoved { domain, .. } => {
                let gone = self.give_up(self.name(domain), tenant);
                if let Some(suffix) = domain.wildcard_suffix() {
                    self.patterns[labels(suffix)] -= gone;
                }
            }
        }
    }

    fn name(&self, domain: &DomainName) -> Fingerprint {
        match domain.wildcard_suffix() {
            None => self.keys.domain(domain.as_str()),
            Some(suffix) => self.keys.pattern(suffix),
        }
    }

    fn place(&mut self, tenant: TenantId, placement: Placement) {
        let known = Placement::from_word(self.homes.load(tenant, Ordering::Relaxed)).ok();
        if known.is_some_and(|known| known.epoch > placement.epoch) {
            return;
        }
        self.tenants += usize::from(known.is_none());
        books::store(&mut self.homes, tenant, placement.to_word());
    }

    fn bucket(&mut self, name: Fingerprint) -> &mut Vec<Claim> {
        let bucket = name.high >> (u64::BITS - BUCKETS.ilog2());
        &mut self.buckets[bucket as usize]
    }

    fn claim(&mut self, claim: Claim) {
        self.bucket(claim.name).push(claim);
    }

    /// Forgets the claims to a name whose owner gives it up, and says how many there were. Snapshots have no such
    /// facts, so it may take the time of reading the bucket.
    fn give_up(&mut self, name: Fingerprint, tenant: TenantId) -> usize {
        let bucket = self.bucket(name);
        let claims = bucket.iter().filter(|claim| claim.name == name);
        if owner(claims).is_none_or(|owner| owner.tenant != tenant) {
            return 0;
        }
        let before = bucket.len();
        bucket.retain(|claim| claim.name != name);
        before - bucket.len()
    }

    pub(super) fn open(self, position: Position) -> Books {
        let lines = Lines::with_room_for(self.buckets.iter().map(Vec::len).sum());
        let mut names = 0;
        for mut bucket in self.buckets {
            // Stable: of claims of the same revision the first one counts.
            bucket.sort_by_key(|claim| (claim.name.high, claim.name.low));
            for claims in bucket.chunk_by(|one, other| one.name == other.name) {
                let Claim { name, tenant, .. } = owner(claims).expect("chunks are not empty");
                let seat = lines.seek(*name).expect("there is room for all claims");
                lines.publish(seat, *name, *tenant);
                names += 1;
            }
        }
        let size = TableSize {
            tenants: self.tenants,
            names,
        };
        Books::open(
            Contents {
                keys: self.keys,
                lines,
                homes: self.homes,
                patterns: self.patterns,
                size,
            },
            position,
        )
    }
}

/// Whose claim to a name counts: the newest one, and the first of several.
fn owner<'a>(claims: impl IntoIterator<Item = &'a Claim>) -> Option<&'a Claim> {
    let newer = |best: &'a Claim, claim: &'a Claim| {
        if claim.revision > best.revision {
            claim
        } else {
            best
        }
    };
    claims.into_iter().reduce(newer)
}

impl fmt::Debug for LineDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineDraft")
            .field("tenants", &self.tenants)
            .field("claims", &self.buckets.iter().map(Vec::len).sum::<usize>())
            .finish_non_exhaustive()
    }
}
