//! Logs as a directory writes them, and what is so after each entry.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*};
use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
    Placement, PlanName, Position, Revision, Slug, TenantId,
};

/// What is so.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    homes: BTreeMap<TenantId, Placement>,
    plans: BTreeMap<TenantId, PlanName>,
    slugs: BTreeMap<Slug, TenantId>,
    domains: BTreeMap<DomainName, TenantId>,
}

/// Facts that were read.
#[derive(Debug, Default)]
pub(super) struct Facts(pub(super) Vec<LogEntry>);

impl Extend<LogEntry> for Facts {
    fn extend<I: IntoIterator<Item = LogEntry>>(&mut self, facts: I) {
        self.0.extend(facts);
    }
}

impl Facts {
    /// What they say. Each is said once, and a tenant's placement before its names.
    #[track_caller]
    pub(super) fn model(&self) -> Model {
        let mut model = Model::default();
        for fact in &self.0 {
            let is_new = match &fact.event {
                DirectoryEvent::Placed { tenant, .. } => !model.homes.contains_key(tenant),
                DirectoryEvent::PlanChanged { tenant, .. } => !model.plans.contains_key(tenant),
                DirectoryEvent::SlugAdded { slug, tenant } => {
                    !model.slugs.contains_key(slug) && model.homes.contains_key(tenant)
                }
                DirectoryEvent::DomainAdded { domain, tenant } => {
                    !model.domains.contains_key(domain) && model.homes.contains_key(tenant)
                }
                _ => false,
            };
            assert!(is_new, "{fact:?}");
            model.apply(&fact.event);
        }
        model
    }
}

impl Model {
    fn apply(&mut self, event: &DirectoryEvent) {
        match event.clone() {
            DirectoryEvent::Placed { tenant, placement } => {
                self.homes.insert(tenant, placement);
            }
            DirectoryEvent::PlanChanged { tenant, plan } => {
                self.plans.insert(tenant, plan);
            }
            DirectoryEvent::SlugAdded { slug, tenant } => {
                self.slugs.insert(slug, tenant);
            }
            DirectoryEvent::SlugRemoved { slug, .. } => {
                self.slugs.remove(&slug);
            }
            DirectoryEvent::DomainAdded { domain, tenant } => {
                self.domains.insert(domain, tenant);
            }
            DirectoryEvent::DomainRemoved { domain, .. } => {
                self.domains.remove(&domain);
            }
        }
    }

    /// As a directory's snapshot has it: the facts of a tenant together.
    pub(super) fn facts(&self, revision: Revision) -> Vec<LogEntry> {
        let mut events = Vec::new();
        for (&tenant, &placement) in &self.homes {
            events.push(DirectoryEvent::Placed { tenant, placement });
            let plan = self.plans.get(&tenant).cloned();
            events.extend(plan.map(|plan| DirectoryEvent::PlanChanged { tenant, plan }));
            let slugs = self.slugs.iter().filter(|(_, owner)| **owner == tenant);
            events.extend(slugs.map(|(slug, _)| {
                let slug = slug.clone();
                DirectoryEvent::SlugAdded { slug, tenant }
            }));
            let domains = self.domains.iter().filter(|(_, owner)| **owner == tenant);
            events.extend(domains.map(|(domain, _)| {
                let domain = domain.clone();
                DirectoryEvent::DomainAdded { domain, tenant }
            }));
        }
        let fact = |event| LogEntry { revision, event };
        events.into_iter().map(fact).collect()
    }
}

/// A log, and what is so after each of its entries.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) log: Vec<LogEntry>,
    pub(super) models: Vec<Model>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Place(u32, u16),
    Plan(u32, u8),
    Slug(u32, u8),
    Domain(u32, u8),
}

/// Stories of at most so many entries.
pub(super) fn story(most: usize) -> impl Strategy<Value = Story> {
    let tenant = 1..6_u32;
    let step = prop_oneof![
        (tenant.clone(), 1..9_u16).prop_map(|(tenant, cell)| Step::Place(tenant, cell)),
        (tenant.clone(), 0..3_u8).prop_map(|(tenant, plan)| Step::Plan(tenant, plan)),
        (tenant.clone(), 0..6_u8).prop_map(|(tenant, slug)| Step::Slug(tenant, slug)),
        (tenant, 0..9_u8).prop_map(|(tenant, domain)| Step::Domain(tenant, domain)),
    ];
    vec(step, 1..=most).prop_map(|steps| {
        let mut story = Story {
            log: Vec::new(),
            models: vec![Model::default()],
        };
        steps.into_iter().for_each(|step| story.take(step));
        story
    })
}

impl Story {
    /// A tenant that is not placed yet is placed; a name that is taken is given back.
    fn take(&mut self, step: Step) {
        let model = self.models.last().unwrap();
        let (Step::Place(id, _) | Step::Plan(id, _) | Step::Slug(id, _) | Step::Domain(id, _)) =
            step;
        let tenant = TenantId::new(id).unwrap();
        let known = model.homes.get(&tenant);
        let event = match step {
            Step::Plan(_, n) if known.is_some() => DirectoryEvent::PlanChanged {
                tenant,
                plan: format!("plan-{n}").parse().unwrap(),
            },
            Step::Slug(_, n) if known.is_some() => {
                let slug: Slug = format!("shop-{n}").parse().unwrap();
                match model.slugs.get(&slug).copied() {
                    None => DirectoryEvent::SlugAdded { slug, tenant },
                    Some(tenant) => DirectoryEvent::SlugRemoved { slug, tenant },
                }
            }
            Step::Domain(_, n) if known.is_some() => {
                let star = if n % 3 == 0 { "*." } else { "" };
                let text = format!("{star}shop-{n}.example.com");
                let domain = DomainName::from_pattern(&text).unwrap();
                match model.domains.get(&domain).copied() {
                    None => DirectoryEvent::DomainAdded { domain, tenant },
                    Some(tenant) => DirectoryEvent::DomainRemoved { domain, tenant },
                }
            }
            _ => {
                let cell = if let Step::Place(_, cell) = step {
                    cell
                } else {
                    1
                };
                let cell = CellId::new(cell).unwrap();
                let epoch = known.map_or(Epoch::FIRST, |known| known.epoch.next().unwrap());
                let placement = Placement::new(cell, Lifecycle::Active, epoch);
                DirectoryEvent::Placed { tenant, placement }
            }
        };
        let mut model = model.clone();
        model.apply(&event);
        // With holes, as a directory leaves them that forgot a tenant.
        let last = self.log.last().map_or(0, |last| last.revision.get());
        let revision = Revision::new(last + 1 + u64::from(id == 3));
        self.log.push(LogEntry { revision, event });
        self.models.push(model);
    }

    /// The position behind so many entries.
    pub(super) fn position(&self, entries: usize) -> Position {
        let last = entries.checked_sub(1).map(|last| self.log[last].revision);
        position(last.unwrap_or_default())
    }

    /// What is so at a position.
    #[track_caller]
    pub(super) fn at(&self, at: Position) -> &Model {
        let entries = (0..=self.log.len()).find(|n| self.position(*n) == at);
        &self.models[entries.expect("the position is one of the story")]
    }
}

pub(super) fn position(revision: Revision) -> Position {
    let history = History {
        directory: DirectoryId::from_u128(0x1234_5678_9abc_def0_0fed_cba9_8765_4321),
        incarnation: 2,
    };
    Position { history, revision }
}
