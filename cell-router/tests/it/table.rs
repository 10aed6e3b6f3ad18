//! What every table does: against a plain fold of the log, and case by case.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, sample::Index};
use tenancy_cell_router::{Applied, LineTable, ReferenceTable, RouteTable};
use tenancy_types::{
    Answer, CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
    Placement, Position, Revision, Route, Slug, TenantId,
};

/// Each of these is a test of both tables.
macro_rules! of_both_tables {
    ($($test:ident,)*) => {
        mod reference {
            $(#[test]
            fn $test() {
                super::$test::<super::ReferenceTable>();
            })*
        }
        mod lines {
            $(#[test]
            fn $test() {
                super::$test::<super::LineTable>();
            })*
        }
    };
}

of_both_tables! {
    replays_and_duplicates_change_nothing,
    order_matters_only_within_a_tenant,
    a_table_that_was_never_filled_says_so,
    a_move_re_points_every_domain_of_the_tenant_at_once,
    a_text_that_is_no_slug_is_absent,
    patterns_lead_to_a_tenant_from_every_name_below,
    a_hint_is_taken_when_its_epoch_is_newer,
}

const TENANTS: u32 = 4;
const NAMES: usize = 5;

fn tenant(id: u32) -> TenantId {
    TenantId::new(id).unwrap()
}

fn domain(n: usize) -> DomainName {
    DomainName::from_normalised(&format!("shop-{n}.example")).unwrap()
}

fn slug(n: usize) -> Slug {
    format!("shop-{n}").parse().unwrap()
}

fn at(revision: usize) -> Position {
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    Position {
        history,
        revision: Revision::new(revision as u64),
    }
}

fn home(cell: u16, seq: u32) -> Placement {
    Placement::new(
        CellId::new(cell).unwrap(),
        Lifecycle::Active,
        Epoch::new(0, seq),
    )
}

/// What the directory would answer after a part of its log.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model {
    domains: BTreeMap<usize, TenantId>,
    slugs: BTreeMap<usize, TenantId>,
    homes: BTreeMap<TenantId, Placement>,
}

impl Model {
    fn route(&self, tenant: Option<&TenantId>) -> Answer {
        tenant.map_or(Answer::Absent, |tenant| {
            Answer::Hit(Route {
                tenant: *tenant,
                placement: self.homes[tenant],
            })
        })
    }

    #[track_caller]
    fn check(&self, table: &impl RouteTable) {
        for n in 0..NAMES {
            assert_eq!(table.lookup(&domain(n)), self.route(self.domains.get(&n)));
            let label = format!("shop-{n}");
            assert_eq!(table.lookup_slug(&label), self.route(self.slugs.get(&n)));
        }
        for id in 1..=TENANTS {
            let id = tenant(id);
            assert_eq!(table.placement(id), self.homes.get(&id).copied());
        }
        let size = table.size();
        assert_eq!(size.tenants, self.homes.len());
        assert_eq!(size.names, self.domains.len() + self.slugs.len());
    }

    /// The facts of a snapshot.
    fn facts(&self) -> Vec<DirectoryEvent> {
        let homes = self
            .homes
            .iter()
            .map(|(&tenant, &placement)| DirectoryEvent::Placed { tenant, placement });
        let slugs = self
            .slugs
            .iter()
            .map(|(&n, &tenant)| DirectoryEvent::SlugAdded {
                slug: slug(n),
                tenant,
            });
        let domains = self
            .domains
            .iter()
            .map(|(&n, &tenant)| DirectoryEvent::DomainAdded {
                domain: domain(n),
                tenant,
            });
        homes.chain(slugs).chain(domains).collect()
    }
}

/// A log as a directory writes it (a name has one owner at a time), and the model after each entry.
struct Story {
    log: Vec<LogEntry>,
    /// `models[r]` is the directory at revision `r`.
    models: Vec<Model>,
}

#[derive(Clone, Debug)]
enum Step {
    Place(u32, u16),
    Domain(u32, usize),
    Slug(u32, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..=TENANTS, 1..9_u16).prop_map(|(t, c)| Step::Place(t, c)),
        (1..=TENANTS, 0..NAMES).prop_map(|(t, n)| Step::Domain(t, n)),
        (1..=TENANTS, 0..NAMES).prop_map(|(t, n)| Step::Slug(t, n)),
    ]
}

impl Story {
    fn tell(steps: &[Step]) -> Self {
        let mut story = Self {
            log: Vec::new(),
            models: vec![Model::default()],
        };
        for step in steps {
            story.step(step);
        }
        story
    }

    fn log(&mut self, event: DirectoryEvent, model: Model) {
        let revision = Revision::new(self.models.len() as u64);
        self.log.push(LogEntry { revision, event });
        self.models.push(model);
    }

    /// A step by a tenant that is not placed yet places it; a name that is taken is given back first.
    fn step(&mut self, step: &Step) {
        let mut model = self.models.last().unwrap().clone();
        let (Step::Place(id, _) | Step::Domain(id, _) | Step::Slug(id, _)) = *step;
        let id = tenant(id);
        match *step {
            Step::Domain(_, n) if model.homes.contains_key(&id) => {
                let event = match model.domains.remove(&n) {
                    Some(tenant) => DirectoryEvent::DomainRemoved {
                        domain: domain(n),
                        tenant,
                    },
                    None => {
                        model.domains.insert(n, id);
                        DirectoryEvent::DomainAdded {
                            domain: domain(n),
                            tenant: id,
                        }
                    }
                };
                self.log(event, model);
            }
            Step::Slug(_, n) if model.homes.contains_key(&id) => {
                let event = match model.slugs.remove(&n) {
                    Some(tenant) => DirectoryEvent::SlugRemoved {
                        slug: slug(n),
                        tenant,
                    },
                    None => {
                        model.slugs.insert(n, id);
                        DirectoryEvent::SlugAdded {
                            slug: slug(n),
                            tenant: id,
                        }
                    }
                };
                self.log(event, model);
            }
            _ => {
                let seq = model.homes.get(&id).map_or(1, |home| home.epoch.seq() + 1);
                let cell = if let Step::Place(_, cell) = step {
                    *cell
                } else {
                    1
                };
                let placement = home(cell, seq);
                model.homes.insert(id, placement);
                self.log(
                    DirectoryEvent::Placed {
                        tenant: id,
                        placement,
                    },
                    model,
                );
            }
        }
    }

    /// A table filled from a snapshot at `revision`.
    fn table_at<T: RouteTable + Default>(&self, revision: usize) -> T {
        let table = T::default();
        let position = at(revision);
        let mut draft = T::Draft::default();
        draft.extend(
            (self.models[revision].facts().into_iter()).map(|event| LogEntry {
                revision: position.revision,
                event,
            }),
        );
        table.replace(draft, position);
        table
    }
}

/// A snapshot anywhere, followed by the log from anywhere before it, with pieces repeated, is the
/// directory at the end of what was delivered.
fn replays_and_duplicates_change_nothing<T: RouteTable + Default>() {
    proptest!(|(
        steps in vec(step(), 1..60),
        snapshot: Index,
        pieces in vec((any::<Index>(), any::<Index>()), 0..6),
    )| {
        let story = Story::tell(&steps);
        let start = snapshot.index(story.models.len());
        let table = story.table_at::<T>(start);
        story.models[start].check(&table);
        let mut reached = start;
        for (from, to) in pieces {
            // Delivery goes on anywhere before what is already known: a replay, never a hole.
            let from = from.index(reached + 1);
            let to = from + to.index(story.log.len() - from + 1);
            for entry in &story.log[from..to] {
                let newer = entry.revision.get() as usize > reached;
                let applied = table.apply(entry);
                prop_assert_eq!(applied, if newer { Applied::Newer } else { Applied::Stale });
            }
            reached = reached.max(to);
            story.models[reached].check(&table);
            prop_assert_eq!(table.position(), Some(at(reached)));
        }
    });
}

/// Entries of different tenants may overtake each other.
fn order_matters_only_within_a_tenant<T: RouteTable + Default>() {
    proptest!(|(
        steps in vec(step(), 1..60),
        picks in vec(any::<Index>(), 240),
    )| {
        let story = Story::tell(&steps);
        let table = story.table_at::<T>(0);
        let mut queues: Vec<Vec<&LogEntry>> = (1..=TENANTS)
            .map(|id| {
                let own = story.log.iter().rev().filter(|e| e.event.tenant() == tenant(id));
                own.collect()
            })
            .collect();
        for pick in picks {
            queues.retain(|queue| !queue.is_empty());
            if queues.is_empty() {
                break;
            }
            let at = pick.index(queues.len());
            let entry = queues[at].pop().unwrap();
            prop_assert_eq!(table.apply(entry), Applied::Newer);
            prop_assert_eq!(table.apply(entry), Applied::Stale);
        }
        prop_assert!(queues.iter().all(Vec::is_empty));
        story.models.last().unwrap().check(&table);
    });
}

fn a_table_that_was_never_filled_says_so<T: RouteTable + Default>() {
    let table = T::default();
    let placed = LogEntry {
        revision: Revision::new(1),
        event: DirectoryEvent::Placed {
            tenant: tenant(1),
            placement: home(1, 1),
        },
    };
    assert_eq!(table.apply(&placed), Applied::NotReady);
    assert_eq!(table.hint(tenant(1), home(1, 1)), Applied::NotReady);
    assert_eq!(table.lookup(&domain(1)), Answer::NotReady);
    assert_eq!(table.lookup_slug("shop-1"), Answer::NotReady);
    assert_eq!(table.placement(tenant(1)), None);
    assert_eq!(table.position(), None);
    table.replace(T::Draft::default(), at(0));
    assert_eq!(table.lookup(&domain(1)), Answer::Absent);
    assert_eq!(table.apply(&placed), Applied::Newer);
}

fn a_move_re_points_every_domain_of_the_tenant_at_once<T: RouteTable + Default>() {
    let story = Story::tell(&[
        Step::Place(1, 1),
        Step::Domain(1, 0),
        Step::Domain(1, 1),
        Step::Place(1, 2),
    ]);
    let table = story.table_at::<T>(3);
    table.apply(&story.log[3]);
    for n in 0..2 {
        let Answer::Hit(route) = table.lookup(&domain(n)) else {
            panic!("domain {n} leads nowhere");
        };
        assert_eq!(route.placement.cell, CellId::new(2).unwrap());
    }
}

fn a_text_that_is_no_slug_is_absent<T: RouteTable + Default>() {
    let table = Story::tell(&[]).table_at::<T>(0);
    for text in ["", "-", "UPPER", "a--b", "ünï"] {
        assert_eq!(table.lookup_slug(text), Answer::Absent, "{text}");
    }
}

/// The exact name first, then the longest pattern; the name behind the `*.` is none of those below it.
fn patterns_lead_to_a_tenant_from_every_name_below<T: RouteTable + Default>() {
    let table =
        Story::tell(&[Step::Place(1, 1), Step::Place(2, 2), Step::Place(3, 3)]).table_at::<T>(3);
    let claims = [
        (1, "*.example"),
        (2, "*.shops.example"),
        (3, "a.shops.example"),
    ];
    let events = claims.map(|(id, text)| DirectoryEvent::DomainAdded {
        domain: DomainName::from_pattern(text).unwrap(),
        tenant: tenant(id),
    });
    for (revision, event) in (4..).map(Revision::new).zip(events.clone()) {
        assert_eq!(table.apply(&LogEntry { revision, event }), Applied::Newer);
    }
    let leads = |host: &str| match table.lookup_host(host) {
        Answer::Hit(route) => Some(route.tenant.get()),
        Answer::Absent => None,
        Answer::NotReady => panic!("the table was filled"),
    };
    assert_eq!(leads("example"), None);
    assert_eq!(leads("shops.example"), Some(1));
    assert_eq!(leads("x.y.example"), Some(1));
    assert_eq!(leads("shops-example"), None);
    assert_eq!(leads("x.shops.example"), Some(2));
    assert_eq!(leads("x.y.shops.example"), Some(2));
    assert_eq!(leads("a.shops.example"), Some(3));
    assert_eq!(leads("x.a.shops.example"), Some(2));
    for (revision, event) in (7..).map(Revision::new).zip(events) {
        let DirectoryEvent::DomainAdded { domain, tenant } = event else {
            unreachable!("all are added");
        };
        let event = DirectoryEvent::DomainRemoved { domain, tenant };
        assert_eq!(table.apply(&LogEntry { revision, event }), Applied::Newer);
    }
    assert_eq!(leads("x.y.shops.example"), None);
    assert_eq!(leads("a.shops.example"), None);
}

/// Two orders that are never mixed: a hint applies by its epoch, an entry by its revision, and an entry that the hint
/// has overtaken does not bring the old cell back.
fn a_hint_is_taken_when_its_epoch_is_newer<T: RouteTable + Default>() {
    let table = Story::tell(&[Step::Place(1, 1)]).table_at::<T>(1);
    let placed = |revision, placement| LogEntry {
        revision: Revision::new(revision),
        event: DirectoryEvent::Placed {
            tenant: tenant(1),
            placement,
        },
    };
    assert_eq!(table.hint(tenant(1), home(2, 1)), Applied::Stale);
    assert_eq!(table.hint(tenant(2), home(2, 9)), Applied::Stale);
    assert_eq!(table.placement(tenant(2)), None);
    assert_eq!(table.hint(tenant(1), home(2, 3)), Applied::Newer);
    assert_eq!(table.hint(tenant(1), home(4, 3)), Applied::Stale);
    assert_eq!(table.apply(&placed(2, home(1, 2))), Applied::Newer);
    assert_eq!(table.placement(tenant(1)), Some(home(2, 3)));
    let moving = Placement {
        moving: true,
        ..home(2, 3)
    };
    assert_eq!(table.apply(&placed(3, moving)), Applied::Newer);
    assert_eq!(table.placement(tenant(1)), Some(moving));
    assert_eq!(table.position(), Some(at(3)));
}
