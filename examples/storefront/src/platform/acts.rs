//! The acts of which the making of a shop consists. Each can be repeated, and comes late without harm.

use std::{collections::BTreeMap, error::Error, sync::Arc};

use tenancy_core::{
    Grant, Principal, ReadWrite, Resolved, Source, TenantContext, admit,
    db::{CellDb, CellTx, DbError},
    directory::{Directory, DirectoryError, NewTenant, SqliteDirectory, Tenant, TenantChange},
    protocol::{Fence, FenceEvent},
};
use tenancy_migrate::{ActError, ArchiveError, Home, Provisioner, Refusal, RequestKey};
use tenancy_types::{CellId, Clock, Kind, Lifecycle, Placement, Problem, SystemClock};

use super::{
    ArchiveName, Archives, Meters, ShopRequest, ShopStart,
    agreement::compare,
    budgets,
    cells::{self, OpenCell},
    fleet,
    lifecycle::{FenceTo, bring_fence_to},
    rehearsal::make_own,
};
use crate::shop::{ShopError, store};

type Failure = Box<dyn Error + Send + Sync>;

/// How often another cell is chosen when the chosen one filled up meanwhile.
const CHOICES: usize = 4;

/// The platform's side of provisioning.
#[derive(Clone, Debug)]
pub(super) struct Acts {
    pub(super) directory: SqliteDirectory,
    pub(super) cells: Arc<BTreeMap<CellId, OpenCell>>,
    pub(super) archives: Archives,
    pub(super) meters: Arc<Meters>,
}

impl Provisioner for Acts {
    type Request = ShopRequest;

    async fn create(&self, key: &RequestKey, request: &ShopRequest) -> Result<Home, ActError> {
        for _ in 0..CHOICES {
            let cell = self.choose(request).await?;
            match self.create_in(cell, key, request).await {
                Ok(tenant) => return Ok(home(&tenant)),
                Err(DirectoryError::CellFull { .. }) => {}
                Err(error) => return Err(refused_or_failed(error)),
            }
        }
        Err(ActError::Failed(
            "cells fill up faster than they can be chosen".into(),
        ))
    }

    async fn fence(&self, home: Home) -> Result<(), Failure> {
        let Placement {
            lifecycle, epoch, ..
        } = home.placement;
        let made = self
            .cell(home)?
            .db
            .change_fence(home.tenant, None, FenceEvent::Create { lifecycle, epoch })
            .await;
        match made {
            Err(DbError::FenceChanged {
                found: Some(fence), ..
            }) if fence.epoch > epoch => self.check_known(home, fence).await,
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    async fn seed(&self, request: &ShopRequest, home: Home) -> Result<(), ActError> {
        match self.try_seed(request, home).await {
            // It has been opened, or undone, since.
            Err(SeedError::Database(DbError::StaleEpoch { .. })) => Ok(()),
            Err(SeedError::Archive(error)) if error.is_verdict() => {
                let reason = error.client_text().into();
                Err(Refusal::Invalid { reason }.into())
            }
            // Only an archive has rows that make no sense.
            Err(SeedError::Shop(error)) => {
                let reason = error.to_string().into();
                Err(Refusal::Invalid { reason }.into())
            }
            seeded => seeded.map_err(|error| ActError::Failed(error.into())),
        }
    }

    async fn publish(&self, home: Home) -> Result<Placement, Failure> {
        self.leave_provisioning(home, Lifecycle::Active).await
    }

    async fn open(&self, home: Home) -> Result<(), Failure> {
        let Placement {
            lifecycle, epoch, ..
        } = home.placement;
        Ok(bring_fence_to(
            &self.cell(home)?.db,
            home.tenant,
            FenceTo { lifecycle, epoch },
        )
        .await?)
    }

    async fn retract(&self, home: Home) -> Result<Placement, Failure> {
        self.leave_provisioning(home, Lifecycle::Gone).await
    }

    async fn clear(&self, home: Home) -> Result<(), Failure> {
        let db = &self.cell(home)?.db;
        let Some(fence) = db.fence(home.tenant).await? else {
            return Ok(());
        };
        if fence.epoch < home.placement.epoch {
            let then = Placement::new(home.placement.cell, fence.lifecycle, fence.epoch);
            let context = self.enter(Home {
                placement: then,
                ..home
            })?;
            cells::empty(db, &context).await?;
        }
        let Placement {
            lifecycle, epoch, ..
        } = home.placement;
        Ok(bring_fence_to(db, home.tenant, FenceTo { lifecycle, epoch }).await?)
    }
}

impl Acts {
    async fn choose(&self, request: &ShopRequest) -> Result<CellId, ActError> {
        let loads = self
            .directory
            .cells()
            .await
            .map_err(|error| ActError::Failed(error.into()))?;
        let served = loads
            .into_iter()
            .filter(|load| self.cells.contains_key(&load.record.cell))
            .filter(|load| request.cell.is_none_or(|cell| cell == load.record.cell));
        let loads: Vec<_> = served.collect();
        let assignment = fleet::choose(
            &loads,
            &self.meters,
            request.region.as_ref(),
            SystemClock.now(),
        );
        let assignment = assignment.map_err(|error| match error.kind() {
            Kind::Invalid => Refusal::Invalid {
                reason: error.client_text().into(),
            }
            .into(),
            _ => ActError::Failed(error.into()),
        })?;
        tracing::debug!(%assignment, slug = %request.slug, "cell chosen");
        Ok(assignment.cell())
    }

    async fn create_in(
        &self,
        cell: CellId,
        key: &RequestKey,
        request: &ShopRequest,
    ) -> Result<Tenant, DirectoryError> {
        let new = NewTenant {
            request: key.clone(),
            slug: request.slug.clone(),
            plan: request.plan.clone(),
            region: request.region.clone(),
            domains: request.domains.clone(),
            cell,
        };
        self.directory.create(new).await
    }

    async fn try_seed(&self, request: &ShopRequest, home: Home) -> Result<(), SeedError> {
        let cell = self
            .cells
            .get(&home.placement.cell)
            .ok_or(DbError::NotHere)?;
        let context = self.enter(home).map_err(|_| DbError::NotHere)?;
        match &request.start {
            ShopStart::Empty(currency) => {
                let shop = request.shop(*currency);
                let set_up = async |tx: &mut CellTx<ReadWrite>| {
                    store::set_up_shop(tx, cell.shops.ids(), home.tenant, &shop).await
                };
                Ok(cell.db.scope(&context, set_up).await?)
            }
            ShopStart::Archive(name) => {
                self.load(name, &cell.db, &context).await?;
                // Boxed, as the load is.
                Ok(Box::pin(make_own(&cell.shops, &context)).await?)
            }
        }
    }

    /// Loads the rows of another shop.
    async fn load(
        &self,
        name: &ArchiveName,
        db: &CellDb,
        context: &TenantContext<ReadWrite>,
    ) -> Result<(), SeedError> {
        match self.archives.load(name, db, context).await {
            // What an attempt before this one has loaded was changed by it already: nobody else was here.
            Err(ArchiveError::Occupied { .. }) => {
                cells::empty(db, context).await?;
                self.archives.load(name, db, context).await?;
            }
            loaded => loaded?,
        }
        Ok(())
    }

    fn enter(&self, home: Home) -> Result<TenantContext<ReadWrite>, tenancy_core::Refusal> {
        let resolved = Resolved {
            tenant: home.tenant,
            placement: home.placement,
            source: Source::Internal,
        };
        let principal = Principal::platform("provisioning", "set up a shop");
        admit(resolved, principal, Grant::ReadWrite, budgets::OF_WORKFLOWS)?.read_write()
    }

    /// A fence that is further than this step is a later step's, if the directory has come as far; otherwise there are
    /// others' rows under this number.
    async fn check_known(&self, home: Home, fence: Fence) -> Result<(), Failure> {
        let tenant = self.directory.tenant(home.tenant).await?;
        let placement = tenant.map_or(home.placement, |tenant| tenant.placement);
        compare(home.tenant, placement, Some(fence))?;
        Ok(())
    }

    fn cell(&self, home: Home) -> Result<&OpenCell, Failure> {
        let cell = home.placement.cell;
        self.cells
            .get(&cell)
            .ok_or_else(|| format!("{cell} is not served by this process").into())
    }

    /// Takes the tenant from provisioning to `to` in the directory, unless it has left provisioning already.
    async fn leave_provisioning(&self, home: Home, to: Lifecycle) -> Result<Placement, Failure> {
        let tenant = self
            .directory
            .tenant(home.tenant)
            .await?
            .ok_or("the directory has lost the tenant")?;
        if tenant.placement.epoch > home.placement.epoch {
            return Ok(tenant.placement);
        }
        let change = TenantChange {
            lifecycle: Some(to),
            ..TenantChange::default()
        };
        Ok(self
            .directory
            .change(home.tenant, tenant.revision, change)
            .await?
            .placement)
    }
}

/// Why a shop has not got its first rows.
#[derive(Debug, thiserror::Error)]
enum SeedError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Shop(ShopError),
    #[error(transparent)]
    Archive(ArchiveError),
}

impl From<ShopError> for SeedError {
    fn from(error: ShopError) -> Self {
        match error {
            ShopError::Database(error) => Self::Database(error),
            error => Self::Shop(error),
        }
    }
}

impl From<ArchiveError> for SeedError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Database(error) => Self::Database(error),
            error => Self::Archive(error),
        }
    }
}

fn home(tenant: &Tenant) -> Home {
    Home {
        tenant: tenant.id,
        placement: tenant.placement,
    }
}

fn refused_or_failed(error: DirectoryError) -> ActError {
    match error {
        DirectoryError::SlugTaken { slug } => Refusal::SlugTaken { slug }.into(),
        DirectoryError::DomainTaken { domain } => Refusal::DomainTaken { domain }.into(),
        error => ActError::Failed(error.into()),
    }
}
