//! A directory that changes at random, whose log reaches two tables late, repeated, and in an order that only holds
//! for each tenant. Whatever happens, the two must not differ.

use std::collections::VecDeque;

use tenancy_cell_router::{LineTable, ReferenceTable, RouteTable};
use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry, Lookup,
    Placement, PlanName, Position, Revision, TenantId,
};

/// One thing that happens. Numbers are taken modulo what there is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A placement changes: the moving flag alone, or to a new epoch.
    Place(u32, u32),
    /// A name is given to a tenant, or given back by the one that has it.
    Name(u32, u32),
    /// A plan changes, which is nothing to a table but a revision.
    Plan(u32),
    /// The next entry of a tenant arrives.
    Deliver(u32),
    /// The last entry of a tenant arrives once more.
    Repeat(u32),
    /// A cell says where a tenant is; or was, or will be.
    Hint(u32, u32),
    /// Somebody takes a snapshot.
    Snapshot,
    /// The tables are filled from the last snapshot, and the log behind it arrives anew.
    Replace,
}

/// How large the world is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) tenants: u32,
    pub(crate) names: u32,
}

pub(crate) struct World {
    extent: Extent,
    fast: LineTable,
    plain: ReferenceTable,
    owners: Vec<Option<TenantId>>,
    homes: Vec<Option<Placement>>,
    revision: Revision,
    /// What is on its way to the tables, by tenant.
    coming: Vec<VecDeque<LogEntry>>,
    last: Vec<Option<LogEntry>>,
    snapshot: (Revision, Vec<DirectoryEvent>),
    /// The log since the snapshot.
    since: Vec<LogEntry>,
}

impl World {
    /// An empty directory, and both tables filled from it.
    pub(crate) fn new(extent: Extent) -> Self {
        let Extent { tenants, names } = extent;
        let mut world = Self {
            extent,
            fast: LineTable::new(),
            plain: ReferenceTable::new(),
            owners: vec![None; names as usize],
            homes: vec![None; tenants as usize],
            revision: Revision::ZERO,
            coming: vec![VecDeque::new(); tenants as usize],
            last: vec![None; tenants as usize],
            snapshot: (Revision::ZERO, Vec::new()),
            since: Vec::new(),
        };
        world.replace();
        world
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Place(at, how) => self.place(self.tenant(at), how),
            Step::Name(at, n) => self.name(self.tenant(at), n % self.extent.names),
            Step::Plan(at) => self.plan(self.tenant(at)),
            Step::Deliver(at) => self.deliver(self.tenant(at)),
            Step::Repeat(at) => {
                if let Some(entry) = self.last[self.tenant(at).index()].clone() {
                    self.apply(&entry);
                }
            }
            Step::Hint(at, how) => self.hint(self.tenant(at), how),
            Step::Snapshot => self.take_snapshot(),
            Step::Replace => self.replace(),
        }
    }

    fn tenant(&self, at: u32) -> TenantId {
        TenantId::new(at % self.extent.tenants + 1).unwrap()
    }

    fn log(&mut self, event: DirectoryEvent) {
        self.revision = self.revision.next();
        let entry = LogEntry {
            revision: self.revision,
            event,
        };
        self.since.push(entry.clone());
        self.coming[entry.event.tenant().index()].push_back(entry);
    }

    fn place(&mut self, tenant: TenantId, how: u32) {
        let placement = match self.homes[tenant.index()] {
            Some(known) if how.is_multiple_of(3) => Placement {
                moving: !known.moving,
                ..known
            },
            Some(known) => home(how, known.epoch.seq() + 1),
            None => home(how, 1),
        };
        self.homes[tenant.index()] = Some(placement);
        self.log(DirectoryEvent::Placed { tenant, placement });
    }

    /// A tenant is placed before anything else is said of it, and a name has one owner.
    fn name(&mut self, tenant: TenantId, n: u32) {
        if self.homes[tenant.index()].is_none() {
            self.place(tenant, n);
        }
        let owner = &mut self.owners[n as usize];
        let event = match owner.take() {
            Some(owner) => removed(n, owner),
            None => {
                *owner = Some(tenant);
                added(n, tenant)
            }
        };
        self.log(event);
    }

    fn plan(&mut self, tenant: TenantId) {
        if self.homes[tenant.index()].is_some() {
            let plan: PlanName = "basic".parse().unwrap();
            self.log(DirectoryEvent::PlanChanged { tenant, plan });
        }
    }

    fn deliver(&mut self, tenant: TenantId) {
        if let Some(entry) = self.coming[tenant.index()].pop_front() {
            self.apply(&entry);
            self.last[tenant.index()] = Some(entry);
        }
    }

    #[track_caller]
    fn apply(&self, entry: &LogEntry) {
        let applied = self.fast.apply(entry);
        assert_eq!(applied, self.plain.apply(entry), "{entry:?}");
    }

    #[track_caller]
    fn hint(&self, tenant: TenantId, how: u32) {
        let seq = self.homes[tenant.index()].map_or(1, |known| known.epoch.seq());
        let hint = home(how, (seq + how % 4).saturating_sub(1));
        let applied = self.fast.hint(tenant, hint);
        assert_eq!(
            applied,
            self.plain.hint(tenant, hint),
            "{tenant:?} {hint:?}"
        );
    }

    fn take_snapshot(&mut self) {
        let homes = (0..).zip(&self.homes).filter_map(|(n, placement)| {
            Some(DirectoryEvent::Placed {
                tenant: self.tenant(n),
                placement: (*placement)?,
            })
        });
        let names = (0..).zip(&self.owners);
        let names = names.filter_map(|(n, owner)| Some(added(n, (*owner)?)));
        self.snapshot = (self.revision, homes.chain(names).collect());
        self.since.clear();
    }

    fn replace(&mut self) {
        fill(&self.fast, &self.snapshot);
        fill(&self.plain, &self.snapshot);
        self.coming.iter_mut().for_each(VecDeque::clear);
        // A later entry of a tenant without those before it is no delivery.
        self.last.fill(None);
        for entry in &self.since {
            self.coming[entry.event.tenant().index()].push_back(entry.clone());
        }
    }

    /// What both say of a name.
    #[track_caller]
    pub(crate) fn check_name(&self, n: u32) {
        let n = n % self.extent.names;
        let text = text(n);
        let check = |host: &str| {
            let (fast, plain) = (self.fast.lookup_host(host), self.plain.lookup_host(host));
            assert_eq!(fast, plain, "{host}: {}", self.fast.explain(host));
        };
        match kind(n) {
            Kind::Slug => {
                assert_eq!(self.fast.lookup_slug(&text), self.plain.lookup_slug(&text));
            }
            Kind::Pattern => {
                check(&text[2..]);
                check(&format!("any.{}", &text[2..]));
            }
            Kind::Domain => {
                check(&text);
                check(&format!("any.{text}"));
            }
        }
    }

    #[track_caller]
    pub(crate) fn check_tenant(&self, at: u32) {
        let tenant = self.tenant(at);
        let (fast, plain) = (self.fast.placement(tenant), self.plain.placement(tenant));
        assert_eq!(fast, plain, "{tenant:?}");
    }

    #[track_caller]
    pub(crate) fn check_all(&self) {
        (0..self.extent.names).for_each(|n| self.check_name(n));
        (0..self.extent.tenants).for_each(|at| self.check_tenant(at));
        let host = text(2);
        assert_eq!(
            self.fast.explain(&host).answer,
            self.plain.lookup_host(&host)
        );
        assert_eq!(self.fast.size(), self.plain.size());
        assert_eq!(self.fast.position(), self.plain.position());
    }

    /// How many generations the fast table has shown.
    pub(crate) fn generation(&self) -> u64 {
        self.fast.explain("").generation
    }

    /// Everything that is on its way arrives, and the tables show the directory.
    #[track_caller]
    pub(crate) fn arrive(&mut self) {
        for at in 0..self.extent.tenants {
            while !self.coming[self.tenant(at).index()].is_empty() {
                self.deliver(self.tenant(at));
            }
        }
        self.check_all();
        let owned = self.owners.iter().flatten().count();
        assert_eq!(self.fast.size().names, owned);
    }
}

fn fill<T: RouteTable>(table: &T, (revision, facts): &(Revision, Vec<DirectoryEvent>)) {
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    let mut draft = T::Draft::default();
    draft.extend(facts.iter().map(|event| LogEntry {
        revision: *revision,
        event: event.clone(),
    }));
    let position = Position {
        history,
        revision: *revision,
    };
    table.replace(draft, position);
}

fn home(cell: u32, seq: u32) -> Placement {
    let cell = CellId::new((cell % 4000 + 1) as u16).unwrap();
    Placement::new(cell, Lifecycle::Active, Epoch::new(0, seq))
}

enum Kind {
    Domain,
    Pattern,
    Slug,
}

fn kind(n: u32) -> Kind {
    match n % 8 {
        0 => Kind::Pattern,
        1 => Kind::Slug,
        _ => Kind::Domain,
    }
}

/// Patterns are above domains and above each other.
fn text(n: u32) -> String {
    let zone = n / 64 * 64;
    match (kind(n), n % 64 / 8) {
        (Kind::Slug, _) => format!("shop-{n}"),
        (Kind::Pattern, 0) => format!("*.zone-{zone}.example"),
        (Kind::Pattern, deep) => format!("*.{deep}.zone-{zone}.example"),
        (Kind::Domain, deep) => format!("shop-{n}.{deep}.zone-{zone}.example"),
    }
}

fn added(n: u32, tenant: TenantId) -> DirectoryEvent {
    match kind(n) {
        Kind::Slug => DirectoryEvent::SlugAdded {
            slug: text(n).parse().unwrap(),
            tenant,
        },
        _ => DirectoryEvent::DomainAdded {
            domain: DomainName::from_pattern(&text(n)).unwrap(),
            tenant,
        },
    }
}

fn removed(n: u32, owner: TenantId) -> DirectoryEvent {
    match added(n, owner) {
        DirectoryEvent::DomainAdded { domain, tenant } => {
            DirectoryEvent::DomainRemoved { domain, tenant }
        }
        DirectoryEvent::SlugAdded { slug, tenant } => DirectoryEvent::SlugRemoved { slug, tenant },
        other => other,
    }
}
