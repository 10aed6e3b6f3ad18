//! A directory as plain as can be: one list, searched from the front, and no log.

use tenancy_core::{
    directory::{NewTenant, Tenant, TenantChange},
    protocol::placement::may_become,
    types::{DomainName, Epoch, Lifecycle, Placement, Revision, TenantId, UnixMicros},
};

use super::cell;

/// Cells 1 and 2 exist, with this much room each.
pub(super) const ROOM: u32 = 3;

#[derive(Default)]
pub(super) struct Model {
    pub(super) tenants: Vec<Tenant>,
    /// What each tenant was made from, until it is forgotten.
    requests: Vec<Option<NewTenant>>,
    pub(super) revision: u64,
    /// Up to where the log was compacted.
    pub(super) floor: u64,
}

type Outcome = Result<Tenant, &'static str>;

impl Model {
    pub(super) fn create(&mut self, new: &NewTenant, created: UnixMicros) -> Outcome {
        if let Some(at) = self.made_by(new) {
            return self.repeat(at, new);
        }
        if new.cell > cell(2) {
            return Err("cell_unknown");
        }
        let neighbours = |t: &&Tenant| living(t) && t.placement.cell == new.cell;
        if self.tenants.iter().filter(neighbours).count() >= ROOM as usize {
            return Err("cell_full");
        }
        if self
            .tenants
            .iter()
            .any(|t| t.slug.as_ref() == Some(&new.slug))
        {
            return Err("slug_taken");
        }
        let domains = sorted(&new.domains);
        if domains.iter().any(|domain| self.owner(domain).is_some()) {
            return Err("domain_taken");
        }
        self.revision += 3 + domains.len() as u64;
        self.requests.push(Some(new.clone()));
        self.tenants.push(Tenant {
            id: TenantId::new(self.tenants.len() as u32 + 1).unwrap(),
            slug: Some(new.slug.clone()),
            plan: new.plan.clone(),
            region: new.region.clone(),
            domains,
            placement: Placement::new(new.cell, Lifecycle::Provisioning, Epoch::FIRST),
            revision: Revision::new(self.revision),
            created,
        });
        Ok(self.tenants.last().unwrap().clone())
    }

    fn made_by(&self, new: &NewTenant) -> Option<usize> {
        let same = |r: &Option<NewTenant>| r.as_ref().is_some_and(|r| r.request == new.request);
        self.requests.iter().position(same)
    }

    fn repeat(&self, at: usize, new: &NewTenant) -> Outcome {
        let (made, before) = (&self.tenants[at], self.requests[at].as_ref().unwrap());
        let same = before.slug == new.slug
            && before.plan == new.plan
            && before.region == new.region
            && sorted(&before.domains) == sorted(&new.domains);
        if same || !living(made) {
            Ok(made.clone())
        } else {
            Err("idempotency_mismatch")
        }
    }

    pub(super) fn change(
        &mut self,
        id: TenantId,
        expected: Revision,
        change: &TenantChange,
    ) -> Outcome {
        let now = self.tenants.get(id.index()).ok_or("not_found")?;
        if !living(now) {
            return Err("tenant_gone");
        }
        if now.revision != expected {
            return Err("version_mismatch");
        }
        let mut then = now.clone();
        let mut effects = 0;
        if let Some(to) = change.lifecycle.filter(|to| *to != now.placement.lifecycle) {
            if !may_become(now.placement.lifecycle, to) {
                return Err("transition_rejected");
            }
            then.placement =
                Placement::new(now.placement.cell, to, now.placement.epoch.next().unwrap());
            effects += 1;
        }
        if let Some(plan) = change.plan.clone().filter(|plan| *plan != now.plan) {
            then.plan = plan;
            effects += 1;
        }
        if living(&then) {
            then.domains
                .retain(|d| !change.remove_domains.contains(d) || change.add_domains.contains(d));
            effects += now.domains.len() - then.domains.len();
            let new = sorted(&change.add_domains)
                .into_iter()
                .filter(|d| !now.domains.contains(d));
            let new: Vec<_> = new.collect();
            if new.iter().any(|domain| self.owner(domain).is_some()) {
                return Err("domain_taken");
            }
            effects += new.len();
            then.domains.extend(new);
            then.domains.sort();
        } else {
            effects += 1 + then.domains.len();
            then.slug = None;
            then.domains.clear();
        }
        if effects > 0 {
            self.revision += effects as u64;
            then.revision = Revision::new(self.revision);
        }
        self.tenants[id.index()] = then.clone();
        Ok(then)
    }

    pub(super) fn forget(&mut self, id: TenantId) -> Outcome {
        let now = self.tenants.get_mut(id.index()).ok_or("not_found")?;
        if living(now) {
            return Err("tenant_not_gone");
        }
        if self.requests[id.index()].take().is_some() {
            self.revision += 2;
            now.region = None;
            now.revision = Revision::new(self.revision);
        }
        Ok(now.clone())
    }

    pub(super) fn owner(&self, domain: &DomainName) -> Option<&Tenant> {
        self.tenants
            .iter()
            .find(|tenant| tenant.domains.contains(domain))
    }
}

fn living(tenant: &Tenant) -> bool {
    tenant.placement.lifecycle != Lifecycle::Gone
}

fn sorted(domains: &[DomainName]) -> Vec<DomainName> {
    let mut domains = domains.to_vec();
    domains.sort();
    domains.dedup();
    domains
}
