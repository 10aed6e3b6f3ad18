//! The acts of which a purge consists. Each can be repeated, and comes late without harm.

use std::{collections::BTreeMap, error::Error, sync::Arc, time::Duration};

use sqlx::SqlitePool;
use tenancy_core::{
    Admitted, Grant, Principal, ReadWrite, Refusal, Resolved, Source, TenantContext, admit,
    db::{CellDb, DbError},
    directory::{Directory, DirectoryError, SqliteDirectory, Tenant, TenantChange},
};
use tenancy_migrate::{Fitness, Home, Purger, SqliteJournal, TableCounts, count_rows};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, Problem, TenantId};

use crate::{
    platform::{
        Archives, budgets,
        cells::{self, OpenCell},
        control,
        lifecycle::{FenceTo, bring_fence_to},
        settle::settle,
    },
    shop::schema,
};

type Failure = Box<dyn Error + Send + Sync>;

/// How often, and how long apart, a file is cleaned while somebody reads an older state of it.
const SCRUBS: u32 = 40;
const BETWEEN_SCRUBS: Duration = Duration::from_millis(50);

/// The platform's side of a purge.
#[derive(Clone, Debug)]
pub(in crate::platform) struct PurgeActs {
    pub(in crate::platform) directory: SqliteDirectory,
    pub(in crate::platform) cells: Arc<BTreeMap<CellId, OpenCell>>,
    pub(in crate::platform) archives: Archives,
    pub(in crate::platform) control: SqlitePool,
    /// The journal of provisioning, which has slugs and domains in it.
    pub(in crate::platform) provisioning: SqliteJournal,
}

impl Purger for PurgeActs {
    async fn check(&self, tenant: TenantId, archive: &str) -> Result<Fitness, Failure> {
        let placement = self.tenant(tenant).await?.placement;
        let home = Home { tenant, placement };
        // It is suspended still, and nothing is written.
        let context = self.admitted(home)?.read_only();
        let name = archive.parse()?;
        let checked = self.archives.check(&name, self.cell(home)?, &context).await;
        match checked {
            Ok(()) => Ok(Fitness::Fits),
            Err(error) if error.is_verdict() => Ok(Fitness::Unfit(error.code().as_str().into())),
            Err(error) => Err(error.into()),
        }
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
        let Placement {
            lifecycle, epoch, ..
        } = home.placement;
        let to = FenceTo { lifecycle, epoch };
        Ok(bring_fence_to(self.cell(home)?, home.tenant, to).await?)
    }

    async fn settle(&self, home: Home) -> Result<(), Failure> {
        Ok(settle(self.open(home)?, &self.enter(home)?).await?)
    }

    async fn count(&self, home: Home) -> Result<TableCounts, Failure> {
        let context = self.enter(home)?.to_read_only();
        Ok(count_rows(self.cell(home)?, &context, &schema::manifest()).await?)
    }

    async fn empty(&self, home: Home) -> Result<(), Failure> {
        let context = self.enter(home)?;
        Ok(cells::empty(self.cell(home)?, &context).await?)
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
        self.scrub(home).await?;
        self.directory.forget(home.tenant).await?;
        Ok(())
    }

    async fn fill(&self, home: Home, archive: &str) -> Result<(), Failure> {
        let context = self.enter(home)?;
        let cell = self.cell(home)?;
        Ok(self
            .archives
            .load(&archive.parse()?, cell, &context)
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

    async fn scrub(&self, home: Home) -> Result<(), Failure> {
        let db = self.cell(home)?;
        for _ in 1..SCRUBS {
            match db.scrub().await {
                Err(DbError::Busy) => tokio::time::sleep(BETWEEN_SCRUBS).await,
                scrubbed => return Ok(scrubbed?),
            }
        }
        Ok(db.scrub().await?)
    }

    fn enter(&self, home: Home) -> Result<TenantContext<ReadWrite>, Failure> {
        Ok(self.admitted(home)?.read_write()?)
    }

    fn admitted(&self, home: Home) -> Result<Admitted, Refusal> {
        let resolved = Resolved {
            tenant: home.tenant,
            placement: home.placement,
            source: Source::Internal,
        };
        let principal = Principal::platform("purge", "empty a shop, and fill it again");
        admit(resolved, principal, Grant::ReadWrite, budgets::OF_WORKFLOWS)
    }

    fn cell(&self, home: Home) -> Result<&CellDb, Failure> {
        Ok(&self.open(home)?.db)
    }

    fn open(&self, home: Home) -> Result<&OpenCell, Failure> {
        let cell = home.placement.cell;
        let open = self.cells.get(&cell);
        open.ok_or_else(|| format!("{cell} is not served by this process").into())
    }
}
