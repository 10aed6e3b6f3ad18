//! Changing a shop: directory first, then the cell's fence, then this process's routes.
//!
//! A crash between directory and fence leaves the fence behind. [`reconcile`](super::reconcile) brings it up at the next start,
//! and until then the cell refuses the newer epoch: nothing is served that should not be.

use tenancy_core::{
    db::{CellDb, DbError},
    directory::{Directory, DirectoryError, Tenant, TenantChange},
    protocol::FenceEvent,
};
use tenancy_migrate::Home;
use tenancy_types::{DomainName, Epoch, Lifecycle, PlanName, TenantId};

use super::{Platform, cell_work::CellAct};
use crate::ops::OpsError;

/// How often a change is tried again when somebody else changed the tenant meanwhile.
const TRIES: usize = 8;

/// What to change of a shop; what is `None` or empty stays.
#[derive(Clone, Debug, Default)]
pub struct ShopChange {
    /// Where it shall be in its life.
    pub lifecycle: Option<Lifecycle>,
    /// Its plan.
    pub plan: Option<PlanName>,
    /// Domains that shall lead to it.
    pub add_domains: Vec<DomainName>,
    /// Domains that shall no longer lead to it.
    pub remove_domains: Vec<DomainName>,
}

impl Platform {
    /// Changes a shop, wholly or not at all, and returns when requests see it.
    ///
    /// # Cancel safety
    /// What has begun is finished: a caller that goes away must not leave the fence behind the directory.
    ///
    /// # Errors
    /// The directory's refusals; [`OpsError::Contended`] when others change the tenant again and again; the
    /// cell's errors, after which the same change can be asked for again.
    pub async fn change(&self, id: TenantId, change: ShopChange) -> Result<Tenant, OpsError> {
        let platform = self.clone();
        finished(async move { platform.change_here(id, &change).await }).await
    }

    async fn change_here(&self, id: TenantId, change: &ShopChange) -> Result<Tenant, OpsError> {
        if change.lifecycle == Some(Lifecycle::Suspended) {
            self.settle_before_closing(&self.tenant(id).await?).await;
        }
        let tenant = self.change_directory(id, change).await?;
        self.follow(tenant).await
    }

    /// Brings the cell's fence and this process's routes to what the directory says of a tenant.
    pub(super) async fn follow(&self, tenant: Tenant) -> Result<Tenant, OpsError> {
        let cell = self.links().find(tenant.placement.cell);
        let home = Home {
            tenant: tenant.id,
            placement: tenant.placement,
        };
        cell?.act(home, CellAct::Follow).await?;
        self.shown(tenant.revision).await;
        Ok(tenant)
    }

    async fn change_directory(
        &self,
        id: TenantId,
        change: &ShopChange,
    ) -> Result<Tenant, OpsError> {
        for _ in 0..TRIES {
            let tenant = self.tenant(id).await?;
            // Only provisioning leads out of provisioning: a shop that is opened without its first rows
            // could never be served. And a shop that leaves is kept by an undo, which says so.
            let found = tenant.placement.lifecycle;
            if change.lifecycle.is_some()
                && matches!(found, Lifecycle::Provisioning | Lifecycle::Offboarding)
            {
                let needed = "active or suspended";
                return Err(OpsError::WrongLifecycle { found, needed });
            }
            let difference = difference(&tenant, change);
            if difference == TenantChange::default() {
                return Ok(tenant);
            }
            match self
                .directory()
                .change(id, tenant.revision, difference)
                .await
            {
                Err(DirectoryError::VersionMismatch { .. }) => {}
                done => return Ok(done?),
            }
        }
        Err(OpsError::Contended)
    }
}

/// Runs work to its end, also when the caller goes away meanwhile.
///
/// # Panics
/// When the work panics.
pub async fn finished<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// The part of a change that is not so already: asking twice changes once.
fn difference(tenant: &Tenant, change: &ShopChange) -> TenantChange {
    let has = |domain: &&DomainName| tenant.domains.contains(domain);
    TenantChange {
        lifecycle: change
            .lifecycle
            .filter(|to| *to != tenant.placement.lifecycle),
        plan: change.plan.clone().filter(|plan| *plan != tenant.plan),
        add_domains: change
            .add_domains
            .iter()
            .filter(|domain| !has(domain))
            .cloned()
            .collect(),
        remove_domains: change.remove_domains.iter().filter(has).cloned().collect(),
    }
}

/// Where a fence shall be.
#[derive(Clone, Copy, Debug)]
pub(super) struct FenceTo {
    pub(super) lifecycle: Lifecycle,
    pub(super) epoch: Epoch,
}

/// Brings a cell's fence to what the directory says. One that is there, or further, stays.
pub(super) async fn bring_fence_to(
    db: &CellDb,
    tenant: TenantId,
    to: FenceTo,
) -> Result<(), DbError> {
    let FenceTo { lifecycle, epoch } = to;
    loop {
        let found = db.fence(tenant).await?;
        let event = match found {
            Some(fence) if fence.epoch >= epoch => return Ok(()),
            Some(_) => FenceEvent::Lifecycle { lifecycle, epoch },
            None => FenceEvent::Create { lifecycle, epoch },
        };
        match db.change_fence(tenant, found, event).await {
            Err(DbError::FenceChanged { .. }) => {}
            done => return done.map(drop),
        }
    }
}
