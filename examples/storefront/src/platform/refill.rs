//! Giving a shop back what an archive of it has, in the place of all that it has now.

use tenancy_core::directory::Tenant;
use tenancy_migrate::{Home, PurgeRequest, Purged};
use tenancy_types::{Lifecycle, Problem, TenantId};

use super::{ArchiveName, Arrived, Platform, finished};
use crate::ops::OpsError;

impl Platform {
    /// Empties a shop that is suspended or leaving, fills it from an archive and opens it. Nobody is served from
    /// the first deleted row to the last loaded one, and a crash in between is gone on with by the worker.
    ///
    /// It waits for exports of the shop, and for purges, that are under way. An archive that the rehearsal finds cannot
    /// be loaded leaves everything as it is: one that leaves goes on leaving. What only the shop's own cell refuses,
    /// it refuses before anything is deleted where its tables and columns tell, and the shop stays suspended; where
    /// they do not, the shop is left empty and the log names the line.
    ///
    /// # Errors
    /// [`OpsError::ForeignArchive`] when the archive is another shop's, whose orders were paid under that one's
    /// number; [`OpsError::WrongLifecycle`]; the archive's and the purge's own errors.
    ///
    /// # Cancel safety
    /// What has begun is finished.
    pub async fn refill(&self, id: TenantId, arrived: Arrived) -> Result<Tenant, OpsError> {
        let platform = self.clone();
        finished(async move {
            let archive = arrived.open().await.map_err(OpsError::part)?;
            let of = archive.manifest().tenant;
            if of != id {
                return Err(OpsError::ForeignArchive { of, asked: id });
            }
            may_be_refilled(&platform.tenant(id).await?)?;
            // It may take long, and others want their turn. A refusal after this is the shop's, not the archive's.
            let rehearsed = platform.archives().rehearse(&archive).await;
            rehearsed.map_err(OpsError::part)?;
            let _turn = platform.0.purges.turn.lock().await;
            let tenant = platform.tenant(id).await?;
            may_be_refilled(&tenant)?;
            platform.refill_now(&tenant, arrived).await
        })
        .await
    }

    async fn refill_now(&self, tenant: &Tenant, arrived: Arrived) -> Result<Tenant, OpsError> {
        let name = ArchiveName::random();
        let archives = self.archives();
        let kept = archives.keep(arrived, &name).await;
        kept.map_err(OpsError::part)?;
        let refilled = self.refill_from(tenant, &name).await;
        // What is unfinished needs it still.
        if refilled
            .as_ref()
            .map_or_else(|error| error.kind().http_status() < 500, |_| true)
        {
            archives.remove(&name);
        }
        let tenant = refilled?;
        self.shown(tenant.revision).await;
        tracing::info!(tenant_id = %tenant.id, epoch = %tenant.placement.epoch, "shop refilled");
        Ok(tenant)
    }

    async fn refill_from(&self, tenant: &Tenant, name: &ArchiveName) -> Result<Tenant, OpsError> {
        // What leaves is kept from its purge first.
        let tenant = self.reach(tenant, Lifecycle::Suspended).await?;
        self.forget_departure(tenant.id).await?;
        let home = Home {
            tenant: tenant.id,
            placement: tenant.placement,
        };
        let request = PurgeRequest::refill(home, &name.to_string());
        let request = request.map_err(OpsError::part)?;
        let alone = self.site().exports().of(tenant.id);
        let _no_export = alone.write().await;
        let refilled = self.0.purges.runner.run(&request).await;
        match refilled.map_err(OpsError::part)? {
            Purged::Refilled(_) => self.tenant(tenant.id).await,
            Purged::Forgotten(_) => Err(OpsError::Contended),
        }
    }
}

fn may_be_refilled(tenant: &Tenant) -> Result<(), OpsError> {
    match tenant.placement.lifecycle {
        Lifecycle::Suspended | Lifecycle::Offboarding => Ok(()),
        found => {
            let needed = "suspended or offboarding";
            Err(OpsError::WrongLifecycle { found, needed })
        }
    }
}
