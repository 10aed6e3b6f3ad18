//! The acts of which the making of a shop consists. Each can be repeated, and comes late without harm.

use std::{error::Error, sync::Arc};

use tenancy_core::directory::{
    AnyDirectory, Directory, DirectoryError, NewTenant, Tenant, TenantChange,
};
use tenancy_migrate::{ActError, Home, Provisioner, Refusal, RequestKey};
use tenancy_types::{CellId, Clock, Kind, Lifecycle, Placement, Problem, SystemClock};

use super::{Archives, Meters, ShopRequest, ShopStart, cell_work::CellAct, fleet, links::Links};
use crate::shop::Shop;

type Failure = Box<dyn Error + Send + Sync>;

/// How often another cell is chosen when the chosen one filled up meanwhile.
const CHOICES: usize = 4;

/// The platform's side of provisioning.
#[derive(Clone, Debug)]
pub(super) struct Acts {
    pub(super) directory: AnyDirectory,
    pub(super) links: Links,
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
        self.act(home, CellAct::Fence).await
    }

    async fn seed(&self, request: &ShopRequest, home: Home) -> Result<(), ActError> {
        let cell = self.links.find(home.placement.cell)?;
        match &request.start {
            ShopStart::Empty(currency) => {
                let Shop { name, currency } = request.shop(*currency);
                let currency = currency.code().to_owned();
                let act = CellAct::SetUp { name, currency };
                Ok(cell.act(home, act).await.map(drop)?)
            }
            ShopStart::Archive(name) => Ok(cell.seed(home, &self.archives.path(name)).await?),
        }
    }

    async fn publish(&self, home: Home) -> Result<Placement, Failure> {
        self.leave_provisioning(home, Lifecycle::Active).await
    }

    async fn open(&self, home: Home) -> Result<(), Failure> {
        self.act(home, CellAct::Follow).await
    }

    async fn retract(&self, home: Home) -> Result<Placement, Failure> {
        self.leave_provisioning(home, Lifecycle::Gone).await
    }

    async fn clear(&self, home: Home) -> Result<(), Failure> {
        self.act(home, CellAct::Clear).await
    }
}

impl Acts {
    async fn act(&self, home: Home, act: CellAct) -> Result<(), Failure> {
        let cell = self.links.find(home.placement.cell)?;
        Ok(cell.act(home, act).await.map(drop)?)
    }

    async fn choose(&self, request: &ShopRequest) -> Result<CellId, ActError> {
        let loads = self
            .directory
            .cells()
            .await
            .map_err(|error| ActError::Failed(error.into()))?;
        let served = loads
            .into_iter()
            .filter(|load| self.links.find(load.record.cell).is_ok())
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
