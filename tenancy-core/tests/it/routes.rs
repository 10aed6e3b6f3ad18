//! A route table for tests: what it says is what was put in.

use std::collections::HashMap;

use tenancy_core::types::{Answer, CellId, Epoch, Lifecycle, Lookup, Placement, Route, TenantId};

#[derive(Clone, Debug, Default)]
pub(crate) struct Routes {
    domains: HashMap<String, TenantId>,
    slugs: HashMap<String, TenantId>,
    placements: HashMap<TenantId, Placement>,
    not_ready: bool,
}

impl Routes {
    pub(crate) fn not_ready() -> Self {
        Self {
            not_ready: true,
            ..Self::default()
        }
    }

    pub(crate) fn tenant(mut self, id: u32, placement: Placement) -> Self {
        self.placements.insert(tenant(id), placement);
        self
    }

    pub(crate) fn domain(mut self, domain: &str, id: u32) -> Self {
        self.domains.insert(domain.to_owned(), tenant(id));
        self
    }

    pub(crate) fn slug(mut self, slug: &str, id: u32) -> Self {
        self.slugs.insert(slug.to_owned(), tenant(id));
        self
    }

    fn answer(&self, tenant: Option<&TenantId>) -> Answer {
        match tenant {
            _ if self.not_ready => Answer::NotReady,
            Some(&tenant) => Answer::Hit(Route {
                tenant,
                placement: self.placements[&tenant],
            }),
            None => Answer::Absent,
        }
    }
}

impl Lookup for Routes {
    fn lookup_host(&self, host: &str) -> Answer {
        self.answer(self.domains.get(host))
    }

    fn lookup_slug(&self, slug: &str) -> Answer {
        self.answer(self.slugs.get(slug))
    }

    fn placement(&self, tenant: TenantId) -> Option<Placement> {
        self.placements.get(&tenant).copied()
    }
}

pub(crate) fn tenant(id: u32) -> TenantId {
    TenantId::new(id).expect("tests use positive ids")
}

pub(crate) fn placed(lifecycle: Lifecycle) -> Placement {
    Placement::new(CellId::new(1).expect("in range"), lifecycle, Epoch::FIRST)
}

pub(crate) fn moving(lifecycle: Lifecycle) -> Placement {
    Placement {
        moving: true,
        ..placed(lifecycle)
    }
}
