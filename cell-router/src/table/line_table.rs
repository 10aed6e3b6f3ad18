//! The fast table: keyed fingerprints in cache lines, placements in an array.
//!
//! # Why two facts
//!
//! A lookup is two loads that wait for each other: the line of the name says the tenant, the tenant's word says the
//! placement. One load would do if the placement stood beside the name, but then a move of a tenant with 5,000 domains
//! would be 5,000 stores, and a reader could meet some of its domains in the old cell and some in the new one. So a
//! move is one store, and what it costs is one cache miss a lookup.
//!
//! # Why lines
//!
//! What a lookup costs is the cache lines it has to fetch, and hardly anything else. A line of 64 bytes holds four
//! names: 96 bits of a keyed hash and the tenant. A name is searched from the line that its hash says to the first one
//! with a free slot; seven out of eight searches end in the first line. The names themselves are nowhere, so a search
//! compares in the line that it has to fetch anyway, and a name takes 21 bytes, however long it is.
//!
//! That two names have the same fingerprint is possible, and so improbable that it is not provided for: a host that no
//! tenant has is taken for one of ten million names with a probability below 2^-72, and some two of ten million names
//! collide with one below 2^-50. The hash is keyed with random numbers of this process, so nobody can do better than
//! chance by choosing names. `docs/decisions/2026-11-23-fingerprints-or-keys.md` has the measurements behind this.
//!
//! # What may be seen when
//!
//! There is one writer at a time, behind a lock. Readers take no lock, do not allocate and make no system call (but for
//! a thread's very first lookup, in which arc-swap makes a note for the thread). The words are atomics, and no `unsafe`
//! is needed: see `line` for the one rule about the order of stores. A claim is stored with release and loaded with
//! acquire, so who sees a name sees the placement that its tenant had by then.
//!
//! # Generations
//!
//! Whatever changes is changed in place, and three things are not possible in place: more lines, fewer lines, and more
//! pages of placements than there is room for. For these there is another [`Generation`](generation::Generation), which
//! is put in place of the old one by one swap. Both share the placements that exist; the old one's lines are changed no
//! more. There is room for twice as many tenants as a snapshot has, so the last of the three is rare.
//!
//! A host that has no name of its own asks for patterns, which is more than one read. What they say together held at
//! one moment: see [`Generation::host`](generation::Generation::host).
//!
//! A removed name leaves its fingerprint behind, because the search for another one may have to go on behind it. Such
//! slots are taken up again when the name comes back, and are otherwise left out of the next generation. That is all
//! that compaction is. A new generation of lines is due when 17 of 20 slots are in use, or most of those that are in
//! use were removed. Another thread copies the lines, which takes half a second for ten million names. The
//! writer goes on meanwhile and notes which lines it changes; at the end, under its lock, these are taken over and the
//! new generation is shown. Should the old lines be full before that, the writer makes its own copy at once: a change
//! may then take long, but nothing fails and nothing is lost. The old generation is freed by the writer when no reader
//! is left in it.

mod books;
mod contents;
mod depths;
mod draft;
mod explain;
mod fingerprint;
mod generation;
mod line;
mod lines;
mod rebuild;
mod shared;

use std::{fmt, sync::Arc};

use tenancy_types::{Answer, LogEntry, Lookup, Placement, Position, Route, TenantId};

use self::{generation::Generation, shared::Shared};
use super::{Applied, RouteTable, TableSize};

pub use contents::LineContents;
pub use draft::LineDraft;
pub use explain::{Explained, Finding, NameProbe};

/// The table for millions of domains.
///
/// A lookup is two dependent loads and a keyed hash: it takes no lock, allocates nothing and makes no system call,
/// whatever the writer does. A change of a placement is one store, a change of a domain two; rebuilding happens on
/// another thread. 21 bytes a domain and 8 a tenant, and 8 more for each of the 4,096 tenants of a page in which one has
/// changed since the snapshot.
///
/// ```
/// use tenancy_cell_router::{LineDraft, LineTable, RouteTable};
/// use tenancy_types::{
///     Answer, CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry, Lookup,
///     Placement, Position, Revision, TenantId,
/// };
///
/// let tenant = TenantId::new(1).unwrap();
/// let home = Placement::new(CellId::new(3).unwrap(), Lifecycle::Active, Epoch::FIRST);
/// let domain = DomainName::from_pattern("*.example.com").unwrap();
///
/// let table = LineTable::new();
/// assert_eq!(table.lookup_host("shop.example.com"), Answer::NotReady);
/// let mut draft = LineDraft::default();
/// draft.extend([
///     LogEntry { revision: Revision::new(1), event: DirectoryEvent::Placed { tenant, placement: home } },
///     LogEntry { revision: Revision::new(2), event: DirectoryEvent::DomainAdded { domain, tenant } },
/// ]);
/// let history = History { directory: DirectoryId::from_u128(1), incarnation: 0 };
/// table.replace(draft, Position { history, revision: Revision::new(2) });
///
/// assert!(matches!(table.lookup_host("shop.example.com"), Answer::Hit(route) if route.placement == home));
/// assert_eq!(table.lookup_host("example.com"), Answer::Absent);
/// println!("{}", table.explain("shop.example.com"));
/// ```
pub struct LineTable {
    shared: Arc<Shared>,
}

impl LineTable {
    /// A table that is not ready.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared::empty()),
        }
    }

    /// Bytes of the lines, of the placements and of what the writer knows of tenants. While a generation is being
    /// built, its lines come on top.
    #[must_use]
    pub fn memory(&self) -> usize {
        let books = |writer: &shared::Writer| writer.books.as_ref().map(books::Books::memory);
        self.shared
            .write(|writer| books(writer))
            .unwrap_or_default()
    }

    /// How a lookup of the host goes, for operators: which names were asked for, what was found, and how the table is.
    ///
    /// Waits for the writer, unlike a lookup.
    #[must_use]
    pub fn explain(&self, host: &str) -> Explained {
        self.shared.write(|writer| Explained::host(host, writer))
    }

    /// The same for a [slug](Lookup::lookup_slug).
    #[must_use]
    pub fn explain_slug(&self, slug: &str) -> Explained {
        self.shared.write(|writer| Explained::slug(slug, writer))
    }

    #[inline]
    fn answer(&self, ask: impl FnOnce(&Generation) -> Option<Route>) -> Answer {
        self.shared.read(|generation| match generation.map(ask) {
            Some(Some(route)) => Answer::Hit(route),
            Some(None) => Answer::Absent,
            None => Answer::NotReady,
        })
    }
}

impl Default for LineTable {
    fn default() -> Self {
        Self::new()
    }
}

impl Lookup for LineTable {
    #[inline]
    fn lookup_host(&self, host: &str) -> Answer {
        self.answer(|generation| generation.host(host))
    }

    #[inline]
    fn lookup_slug(&self, slug: &str) -> Answer {
        self.answer(|generation| generation.slug(slug))
    }

    #[inline]
    fn placement(&self, tenant: TenantId) -> Option<Placement> {
        self.shared.read(|generation| generation?.placement(tenant))
    }
}

impl RouteTable for LineTable {
    type Draft = LineDraft;
    type Contents = LineContents;

    fn apply(&self, entry: &LogEntry) -> Applied {
        self.shared.apply(entry)
    }

    fn hint(&self, tenant: TenantId, placement: Placement) -> Applied {
        self.shared.hint(tenant, placement)
    }

    /// Builds the lines.
    fn prepare(draft: LineDraft, position: Position) -> LineContents {
        LineContents::new(draft.open(position))
    }

    /// A swap: readers meet either table whole.
    fn put(&self, contents: LineContents) -> LineContents {
        contents.swap(&self.shared)
    }

    fn position(&self) -> Option<Position> {
        let books = |writer: &mut shared::Writer| Some(writer.books.as_ref()?.position());
        self.shared.write(books)
    }

    fn size(&self) -> TableSize {
        let books = |writer: &mut shared::Writer| Some(writer.books.as_ref()?.size());
        self.shared.write(books).unwrap_or_default()
    }
}

impl fmt::Debug for LineTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineTable")
            .field("size", &self.size())
            .field("position", &self.position())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::hash_map::DefaultHasher, hash::BuildHasherDefault, thread};

    use tenancy_types::{
        Answer, CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle,
        LogEntry, Lookup, Placement, Position, Revision, Route, TenantId,
    };

    use super::{LineDraft, LineTable, fingerprint::Keys, lines::Lines};
    use crate::{Applied, RouteTable};

    const HOSTS: usize = 500;

    fn filled(hosts: &[String]) -> LineTable {
        let tenant = TenantId::new(1).expect("it is not 0");
        let mut draft = LineDraft::default();
        draft.extend(hosts.iter().map(|host| LogEntry {
            revision: Revision::ZERO,
            event: DirectoryEvent::DomainAdded {
                domain: DomainName::from_normalised(host).expect("it is one"),
                tenant,
            },
        }));
        let history = History {
            directory: DirectoryId::from_u128(1),
            incarnation: 0,
        };
        let table = LineTable::new();
        let revision = Revision::ZERO;
        table.replace(draft, Position { history, revision });
        table
    }

    fn log(table: &LineTable, revision: u64, event: DirectoryEvent) {
        let revision = Revision::new(revision);
        assert_eq!(table.apply(&LogEntry { revision, event }), Applied::Newer);
    }

    /// Room for another page of placements is made while a reader is under way. The name that the tenant gets then must
    /// not hide from it what the host led to before.
    #[test]
    fn a_reader_of_an_old_generation_meets_no_name_without_a_placement() {
        let table = filled(&[]);
        let [first, last] = [1, 100_000].map(|id| TenantId::new(id).expect("it is not 0"));
        let home = Placement::new(
            CellId::new(1).expect("it is not 0"),
            Lifecycle::Active,
            Epoch::FIRST,
        );
        let placed = |tenant| DirectoryEvent::Placed {
            tenant,
            placement: home,
        };
        let added = |domain: &str, tenant| DirectoryEvent::DomainAdded {
            domain: DomainName::from_pattern(domain).expect("it is one"),
            tenant,
        };
        log(&table, 1, placed(first));
        log(&table, 2, added("*.example", first));
        let owner = |route: Option<Route>| route.map(|route| route.tenant);
        table.shared.read(|old| {
            log(&table, 3, placed(last));
            log(&table, 4, added("shop.example", last));
            let old = old.expect("it is filled");
            assert_eq!(owner(old.host("shop.example")), Some(first));
        });
        let new = table.shared.read(|new| owner(new?.host("shop.example")));
        assert_eq!(new, Some(last));
    }

    /// A lookup that took the lock would wait for ever.
    #[test]
    fn readers_do_not_wait_for_the_writer() {
        let table = filled(&[]);
        let answer = table.shared.write(|_| {
            thread::scope(|scope| {
                let reader = scope.spawn(|| table.lookup_host("shop.example"));
                reader.join().expect("a lookup does not panic")
            })
        });
        assert_eq!(answer, Answer::Absent);
    }

    /// Hosts that all belong into the first line, for one who knows the key.
    fn colliding(keys: &Keys, lines: &Lines) -> Vec<String> {
        let hosts = (0_u32..).map(|n| format!("shop-{n}.example"));
        let collides = |host: &String| {
            let first = lines.seek(keys.domain(host));
            first.is_some_and(|seat| seat.line == 0)
        };
        hosts.filter(collides).take(HOSTS).collect()
    }

    #[test]
    fn hosts_that_collide_on_purpose_make_no_search_longer() {
        let known = Keys::derive(&BuildHasherDefault::<DefaultHasher>::default());
        let hosts = colliding(&known, &Lines::with_room_for(HOSTS));
        let mean = |read: usize| read / HOSTS;

        let lines = Lines::with_room_for(HOSTS);
        let mut read = 0;
        for name in hosts.iter().map(|host| known.domain(host)) {
            let seat = lines.seek(name).expect("there is room");
            lines.publish(seat, name, TenantId::new(1).expect("it is not 0"));
            read += lines.read_until(name, seat);
        }
        assert!(mean(read) > 50, "they do not collide: {read} lines");

        let table = filled(&hosts);
        let read = hosts.iter().map(|host| table.explain(host).probes[0].lines);
        assert!(mean(read.sum()) < 4, "the key was guessed");
    }

    /// Every draft has keys of its own, and still they all look the same.
    #[test]
    fn no_key_is_printed() {
        let print = || {
            let table = filled(&["shop.example".to_owned()]);
            let draft = LineDraft::default();
            format!("{table:?} {draft:?} {:?}", table.explain("shop.example"))
        };
        assert_eq!(print(), print());
    }
}
