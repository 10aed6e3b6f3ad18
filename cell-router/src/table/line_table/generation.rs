//! What readers see: lines, placements, and how to ask them.

use std::sync::Arc;

use tenancy_types::{Placement, Route, TenantId};

use super::{
    depths::Depths,
    fingerprint::{Fingerprint, Keys},
    lines::Lines,
};
use crate::sync::{Ordering, Words};

/// A table as long as nothing of it has to be made larger. Everything in it is changed in place.
pub(super) struct Generation {
    pub(super) keys: Keys,
    pub(super) lines: Lines,
    /// The placement of each tenant as a word; 0 is none.
    pub(super) homes: Arc<Words>,
    pub(super) depths: Arc<Depths>,
}

impl Generation {
    #[inline]
    pub(super) fn host(&self, host: &str) -> Option<Route> {
        let name = self.keys.domain(host);
        let exact = self.lines.find(name);
        self.route(exact.or_else(|| self.find_again(name, host))?)
    }

    #[inline]
    pub(super) fn slug(&self, slug: &str) -> Option<Route> {
        self.route(self.lines.find(self.keys.slug(slug))?)
    }

    #[inline]
    pub(super) fn placement(&self, tenant: TenantId) -> Option<Placement> {
        // Relaxed will do: a placement is one word. That a tenant's name is not seen before its placement is the
        // claim's matter.
        Placement::from_word(self.homes.load(tenant, Ordering::Relaxed)).ok()
    }

    /// The tenant of a host that had no name of its own when it was looked for: by the name that it has got since, or by
    /// a pattern.
    ///
    /// These are several reads. Together they hold at one moment if at most one change of a pattern was under way, which
    /// is so when none was begun meanwhile: the writer does nothing else between a change's beginning and its end.
    fn find_again(&self, name: Fingerprint, host: &str) -> Option<TenantId> {
        loop {
            let begun = self.depths.begun();
            let owner = self.lines.find(name).or_else(|| self.pattern(host));
            if self.depths.begun() == begun {
                return owner;
            }
        }
    }

    fn pattern(&self, host: &str) -> Option<TenantId> {
        let mut suffixes = self.depths.suffixes(host);
        suffixes.find_map(|suffix| self.lines.find(self.keys.pattern(suffix)))
    }

    #[inline]
    fn route(&self, tenant: TenantId) -> Option<Route> {
        let placement = self.placement(tenant)?;
        Some(Route { tenant, placement })
    }
}
