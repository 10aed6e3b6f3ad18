//! What the one writer knows besides what readers see.

use std::{collections::BTreeSet, sync::Arc};

use tenancy_types::{
    DirectoryEvent, DomainName, LogEntry, Placement, Position, Revision, TenantId,
};

use super::{
    depths::{Depths, labels},
    fingerprint::{Fingerprint, Keys},
    generation::Generation,
    lines::{Lines, Seat, State},
    rebuild::{Copied, Rebuild},
};
use crate::{
    Applied, TableSize,
    sync::{Ordering, Words},
};

/// A filled table and its bookkeeping, changed under the writer's lock.
///
/// Changes are made in the lines that readers see. Only when something has to be made larger there is another
/// [`Generation`], which is not seen before [`generation`](Self::generation) is published.
pub(super) struct Books {
    pub(super) generation: Arc<Generation>,
    /// Every entry up to here is contained, whosever it is.
    floor: Revision,
    newest: Position,
    /// The revision of each tenant's last entry since the floor.
    revisions: Words,
    size: TableSize,
    /// Slots that are not free: those of names that were removed, too.
    used: usize,
    /// How many patterns there are of each depth.
    patterns: Patterns,
    /// While another thread copies the lines: those that were changed since it began.
    changed: Option<BTreeSet<usize>>,
}

/// How many patterns have a suffix of so many labels. Too many means a probe in vain, too few would hide patterns.
pub(super) type Patterns = [usize; 128];

/// What a draft leaves to the books.
pub(super) struct Contents {
    pub(super) keys: Keys,
    pub(super) lines: Lines,
    pub(super) homes: Words,
    pub(super) patterns: Patterns,
    pub(super) size: TableSize,
}

impl Books {
    pub(super) fn open(contents: Contents, position: Position) -> Self {
        let depths = Depths::default();
        let deep = contents.patterns.iter().enumerate();
        deep.filter(|(_, count)| **count > 0)
            .for_each(|(depth, _)| depths.insert(depth));
        // Room without pages costs next to nothing, and saves another generation for a long time.
        let homes = contents.homes.grown(twice(&contents.homes));
        Self {
            floor: position.revision,
            newest: position,
            revisions: Words::with_capacity(0),
            size: contents.size,
            used: contents.size.names,
            patterns: contents.patterns,
            changed: None,
            generation: Arc::new(Generation {
                keys: contents.keys,
                lines: contents.lines,
                homes: Arc::new(homes),
                depths: Arc::new(depths),
            }),
        }
    }

    pub(super) fn position(&self) -> Position {
        self.newest
    }

    pub(super) fn size(&self) -> TableSize {
        self.size
    }

    /// How much of the lines is in use, between 0 and 1.
    pub(super) fn load(&self) -> f64 {
        self.used as f64 / self.generation.lines.slots() as f64
    }

    /// Bytes of all that grows with the table.
    pub(super) fn memory(&self) -> usize {
        let generation = &self.generation;
        generation.lines.memory() + generation.homes.memory() + self.revisions.memory()
    }

    pub(super) fn apply(&mut self, entry: &LogEntry) -> Applied {
        let (tenant, revision) = (entry.event.tenant(), entry.revision);
        if revision <= self.revision(tenant) {
            return Applied::Stale;
        }
        store(&mut self.revisions, tenant, revision.get());
        self.newest.revision = self.newest.revision.max(revision);
        match &entry.event {
            DirectoryEvent::Placed { placement, .. } => self.place(tenant, *placement),
            // Who limits by plan observes the log itself.
            DirectoryEvent::PlanChanged { .. } => {}
            DirectoryEvent::SlugAdded { slug, .. } => {
                let name = self.generation.keys.slug(slug.as_str());
                self.claim(name, tenant, revision);
            }
            DirectoryEvent::SlugRemoved { slug, .. } => {
                let name = self.generation.keys.slug(slug.as_str());
                self.give_up(name, tenant);
            }
            DirectoryEvent::DomainAdded { domain, .. } => self.add(domain, tenant, revision),
            DirectoryEvent::DomainRemoved { domain, .. } => self.remove(domain, tenant),
        }
        Applied::Newer
    }

    pub(super) fn hint(&mut self, tenant: TenantId, placement: Placement) -> Applied {
        match self.generation.placement(tenant) {
            Some(known) if known.epoch < placement.epoch => {
                self.store_home(tenant, placement);
                Applied::Newer
            }
            _ => Applied::Stale,
        }
    }

    fn revision(&self, tenant: TenantId) -> Revision {
        let own = self.revisions.load(tenant, Ordering::Relaxed);
        self.floor.max(Revision::new(own))
    }

    /// A hint may have told of a later epoch than the log has reached.
    fn place(&mut self, tenant: TenantId, placement: Placement) {
        match self.generation.placement(tenant) {
            Some(known) if known.epoch > placement.epoch => {}
            known => {
                self.size.tenants += usize::from(known.is_none());
                self.store_home(tenant, placement);
            }
        }
    }

    fn store_home(&mut self, tenant: TenantId, placement: Placement) {
        if let Some(larger) = larger(&self.generation.homes, tenant) {
            // With lines of its own: whoever still reads the old generation must not meet the names of tenants whose
            // placements it has no room for.
            let (lines, used) = self.rebuild().run_alone();
            self.take(lines, used, Arc::new(larger));
        }
        let home = self.generation.homes.get_or_grow(tenant);
        home.expect("it is large enough for this tenant now")
            .store(placement.to_word(), Ordering::Relaxed);
    }

    fn add(&mut self, domain: &DomainName, tenant: TenantId, revision: Revision) {
        let Some(suffix) = domain.wildcard_suffix() else {
            let name = self.generation.keys.domain(domain.as_str());
            self.claim(name, tenant, revision);
            return;
        };
        let (name, depth) = (self.generation.keys.pattern(suffix), labels(suffix));
        self.generation.depths.begin_change();
        self.generation.depths.insert(depth);
        if self.claim(name, tenant, revision) {
            self.patterns[depth] += 1;
        }
    }

    fn remove(&mut self, domain: &DomainName, tenant: TenantId) {
        let Some(suffix) = domain.wildcard_suffix() else {
            let name = self.generation.keys.domain(domain.as_str());
            self.give_up(name, tenant);
            return;
        };
        let (name, depth) = (self.generation.keys.pattern(suffix), labels(suffix));
        self.generation.depths.begin_change();
        if self.give_up(name, tenant) {
            self.patterns[depth] = self.patterns[depth].saturating_sub(1);
            if self.patterns[depth] == 0 {
                self.generation.depths.remove(depth);
            }
        }
    }

    /// Lets the name lead to the tenant; whether it led nowhere before.
    ///
    /// A claim that comes late must not displace its successor. Who has the name now got it at some revision that is
    /// not known any more, and had it at least until its own last entry: the directory gives a name away only after its
    /// owner gave it up, which is an entry of that owner, and those come in their order. So a claim is late exactly if
    /// it is older than the owner's last entry.
    fn claim(&mut self, name: Fingerprint, tenant: TenantId, revision: Revision) -> bool {
        let seat = self.seat(name);
        match seat.state {
            State::Free => {
                self.generation.lines.publish(seat, name, tenant);
                self.used += 1;
            }
            State::Taken(None) => self.generation.lines.point(seat, name, Some(tenant)),
            State::Taken(Some(owner)) => {
                if owner != tenant && self.revision(owner) < revision {
                    self.generation.lines.point(seat, name, Some(tenant));
                    self.note(seat);
                }
                return false;
            }
        }
        self.note(seat);
        self.size.names += 1;
        true
    }

    /// Only the tenant that has a name can lose it: another may have got it since. Whether it did.
    fn give_up(&mut self, name: Fingerprint, tenant: TenantId) -> bool {
        let seat = self.generation.lines.seek(name);
        let Some(seat) = seat.filter(|seat| seat.state == State::Taken(Some(tenant))) else {
            return false;
        };
        self.generation.lines.point(seat, name, None);
        self.note(seat);
        self.size.names -= 1;
        true
    }

    /// The name's seat, or a free one that leaves enough free ones.
    fn seat(&mut self, name: Fingerprint) -> Seat {
        let seat = self.generation.lines.seek(name);
        let is_last = self.used + 1 >= Rebuild::limit(self.generation.lines.slots());
        match seat {
            Some(seat) if seat.state != State::Free || !is_last => seat,
            _ => {
                // No other thread was fast enough.
                self.rebuild_now();
                let seat = self.generation.lines.seek(name);
                seat.expect("new lines have free slots")
            }
        }
    }

    fn note(&mut self, seat: Seat) {
        if let Some(changed) = &mut self.changed {
            changed.insert(seat.line);
        }
    }

    /// A copy of the lines that should be made, if one should.
    pub(super) fn begin_rebuild(&mut self) -> Option<Rebuild> {
        let slots = self.generation.lines.slots();
        if self.changed.is_some() || !Rebuild::is_due(self.used, self.size.names, slots) {
            return None;
        }
        self.changed = Some(BTreeSet::new());
        Some(self.rebuild())
    }

    fn rebuild(&self) -> Rebuild {
        Rebuild::new(self.generation.lines.clone(), self.size.names)
    }

    pub(super) fn rebuild_now(&mut self) {
        let (lines, used) = self.rebuild().run_alone();
        self.take(lines, used, Arc::clone(&self.generation.homes));
    }

    /// Puts copied lines in place of those that they were copied from, with what changed since. If these are not the
    /// table's any more, somebody was faster and nothing happens.
    pub(super) fn end_rebuild(&mut self, from: &Lines, copied: Copied) {
        if !self.generation.lines.is(from) {
            return;
        }
        match self.catch_up(copied) {
            Copied::Whole { lines, used } => {
                self.take(lines, used, Arc::clone(&self.generation.homes));
            }
            Copied::Outgrown => self.rebuild_now(),
        }
    }

    /// Brings what changed since the copy was begun into it.
    fn catch_up(&self, copied: Copied) -> Copied {
        let Copied::Whole { lines, mut used } = copied else {
            return copied;
        };
        let limit = Rebuild::limit(lines.slots());
        let changed = self.changed.iter().flatten();
        for (name, tenant) in changed.flat_map(|line| self.generation.lines.names(*line)) {
            let seat = lines.seek(name).expect("some slots are free");
            match (seat.state, tenant) {
                (State::Taken(_), _) => lines.point(seat, name, tenant),
                (State::Free, None) => {}
                (State::Free, Some(_)) if used + 1 >= limit => return Copied::Outgrown,
                (State::Free, Some(tenant)) => {
                    lines.publish(seat, name, tenant);
                    used += 1;
                }
            }
        }
        Copied::Whole { lines, used }
    }

    fn take(&mut self, lines: Lines, used: usize, homes: Arc<Words>) {
        self.changed = None;
        self.used = used;
        self.generation = Arc::new(Generation {
            keys: self.generation.keys,
            lines,
            homes,
            // Readers of the old lines must not meet patterns that changed after them.
            depths: Arc::new(self.generation.depths.copied()),
        });
    }
}

/// Stores a tenant's word, making room for it if need be.
pub(super) fn store(words: &mut Words, tenant: TenantId, value: u64) {
    if let Some(larger) = larger(words, tenant) {
        *words = larger;
    }
    let word = words.get_or_grow(tenant);
    word.expect("it is large enough for this tenant now")
        .store(value, Ordering::Relaxed);
}

/// The same words with room for the tenant, if there is none. Doubles, so that a table that grows tenant by tenant
/// does not do this for each.
fn larger(words: &Words, tenant: TenantId) -> Option<Words> {
    let is_beyond = tenant.index() >= words.capacity();
    is_beyond.then(|| words.grown(tenant.get().max(twice(words))))
}

fn twice(words: &Words) -> u32 {
    let double = words.capacity().saturating_mul(2);
    double.try_into().unwrap_or(u32::MAX)
}
