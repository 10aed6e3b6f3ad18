//! The acts of which a purge consists. Each can be repeated, and comes late without harm.

use std::error::Error;

use sqlx::SqlitePool;
use tenancy_core::directory::{AnyDirectory, Directory, DirectoryError, Tenant, TenantChange};
use tenancy_migrate::{Fitness, Home, Purger, SqliteJournal, TableCounts};
use tenancy_types::{Epoch, Lifecycle, Placement, TenantId};

use crate::platform::{
    Archives,
    cell_work::{Acted, CellAct},
    control,
    links::Links,
};

type Failure = Box<dyn Error + Send + Sync>;

/// The platform's side of a purge.
#[derive(Clone, Debug)]
pub(in crate::platform) struct PurgeActs {
    pub(in crate::platform) directory: AnyDirectory,
    pub(in crate::platform) links: Links,
    pub(in crate::platform) archives: Archives,
    pub(in crate::platform) control: SqlitePool,
    /// The journal of provisioning, which has slugs and domains in it.
    pub(in crate::platform) provisioning: SqliteJournal,
}

impl Purger for PurgeActs {
    async fn check(&self, tenant: TenantId, archive: &str) -> Result<Fitness, Failure> {
        let placement = self.tenant(tenant).await?.placement;
        let file = self.archives.path(&archive.parse()?);
        let cell = self.links.find(placement.cell)?;
        Ok(cell
            .check_archive(Home { tenant, placement }, &file)
            .await?)
    }

    async fn begin(&self, tenant: TenantId, epoch: Epoch) -> Result<Option<Placement>, Failure> {
        loop {
            let found = self.tenant(tenant).await?;
            let Placement {
                lifecycle,
                epoch: now,
                ..
            } = found.placement;
            if now == epoch && lifecycle == Lifecycle::Purging {
                return Ok(Some(found.placement));
            }
            if now.next() != Ok(epoch) {
                return Ok(None);
            }
            match self.change(&found, Lifecycle::Purging).await {
                // An undo was first, or something else of the tenant was changed, and then the purge begins.
                Err(DirectoryError::VersionMismatch { .. }) => {}
                changed => return Ok(Some(changed?)),
            }
        }
    }

    async fn decide(&self, home: Home, to: Lifecycle) -> Result<Placement, Failure> {
        let found = self.tenant(home.tenant).await?;
        if found.placement.epoch > home.placement.epoch {
            return Ok(found.placement);
        }
        Ok(self.change(&found, to).await?)
    }

    async fn fence(&self, home: Home) -> Result<(), Failure> {
        self.act(home, CellAct::Follow).await.map(drop)
    }

    async fn settle(&self, home: Home) -> Result<(), Failure> {
        self.act(home, CellAct::Settle).await.map(drop)
    }

    async fn count(&self, home: Home) -> Result<TableCounts, Failure> {
        match self.act(home, CellAct::Count).await? {
            Acted::Counted(counts) => Ok(counts),
            Acted::Done => Err("the cell has not counted".into()),
        }
    }

    async fn empty(&self, home: Home) -> Result<(), Failure> {
        self.act(home, CellAct::Empty).await.map(drop)
    }

    async fn forget(&self, home: Home) -> Result<(), Failure> {
        let tenant = home.tenant.as_i64();
        for delete in [
            // Refusals of others may name the shop: `the slug is taken`.
            "delete from idempotency where tenant_id = $1 or status >= 400",
            "delete from offboarding where tenant_id = $1",
        ] {
            sqlx::query(delete)
                .bind(tenant)
                .execute(&self.control)
                .await?;
        }
        control::truncate_log(&self.control).await?;
        let created = format!("created {} ", home.tenant);
        // The refused have done nothing, and may have wanted this shop's names.
        for entry in [&created, "refused slug_taken", "refused domain_taken"] {
            self.provisioning.forget(entry).await?;
        }
        self.act(home, CellAct::Scrub).await?;
        self.directory.forget(home.tenant).await?;
        Ok(())
    }

    async fn fill(&self, home: Home, archive: &str) -> Result<(), Failure> {
        let file = self.archives.path(&archive.parse()?);
        Ok(self
            .links
            .find(home.placement.cell)?
            .refill(home, &file)
            .await?)
    }
}

impl PurgeActs {
    async fn tenant(&self, id: TenantId) -> Result<Tenant, Failure> {
        let found = self.directory.tenant(id).await?;
        found.ok_or_else(|| "the directory has lost the tenant".into())
    }

    async fn change(&self, found: &Tenant, to: Lifecycle) -> Result<Placement, DirectoryError> {
        let change = TenantChange {
            lifecycle: Some(to),
            ..TenantChange::default()
        };
        let changed = self.directory.change(found.id, found.revision, change);
        Ok(changed.await?.placement)
    }

    async fn act(&self, home: Home, act: CellAct) -> Result<Acted, Failure> {
        let cell = self.links.find(home.placement.cell)?;
        Ok(cell.act(home, act).await?)
    }
}
