//! What workflows have a cell do: acts that can each be repeated, and that come late without harm.
//!
//! They are done where the cell is. A workflow reaches it through a [`CellLink`](super::links::CellLink), whether that is in its
//! own process or not.

mod act;
mod archive;
mod error;

pub(super) use act::{Acted, CellAct};
pub(super) use error::WorkError;

use std::error::Error;

use tenancy_core::{
    Admitted, Grant, Principal, ReadWrite, Refusal, Resolved, Source, TenantContext, admit,
    db::{CellTx, DbError},
    directory::{AnyDirectory, Directory},
    protocol::{Fence, FenceEvent},
};
use tenancy_migrate::{Home, count_rows};
use tenancy_types::Placement;

use super::{
    agreement::compare,
    budgets,
    cells::{self, OpenCell},
    lifecycle::{FenceTo, bring_fence_to},
    settle::settle,
};
use crate::shop::{Shop, ShopError, schema, store};

type Failure = Box<dyn Error + Send + Sync>;

/// How often, and how long apart, a file is cleaned while somebody reads an older state of it.
const SCRUBS: u32 = 40;
const BETWEEN_SCRUBS: std::time::Duration = std::time::Duration::from_millis(50);

impl OpenCell {
    /// Does this for the tenant as it was when a workflow asked for it.
    pub(super) async fn perform(
        &self,
        directory: &AnyDirectory,
        home: Home,
        act: CellAct,
    ) -> Result<Acted, WorkError> {
        match act {
            CellAct::Fence => self.make_fence(directory, home).await?,
            CellAct::SetUp { name, currency } => {
                let currency = currency.parse().map_err(WorkError::failed)?;
                self.set_up(home, &Shop { name, currency }).await?;
            }
            CellAct::Follow => self.bring_fence(home).await?,
            CellAct::Clear => self.clear(home).await?,
            CellAct::Settle => settle(self, &enter(home)?)
                .await
                .map_err(WorkError::failed)?,
            CellAct::Empty => self.empty(home).await?,
            CellAct::Scrub => self.scrub().await?,
            CellAct::Count => {
                let context = enter(home)?.to_read_only();
                let counted = count_rows(&self.db, &context, &schema::manifest()).await;
                return Ok(Acted::Counted(counted?));
            }
        }
        Ok(Acted::Done)
    }

    async fn make_fence(&self, directory: &AnyDirectory, home: Home) -> Result<(), Failure> {
        let Placement {
            lifecycle, epoch, ..
        } = home.placement;
        let event = FenceEvent::Create { lifecycle, epoch };
        match self.db.change_fence(home.tenant, None, event).await {
            Err(DbError::FenceChanged {
                found: Some(fence), ..
            }) if fence.epoch > epoch => check_known(directory, home, fence).await,
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    async fn set_up(&self, home: Home, shop: &Shop) -> Result<(), WorkError> {
        let context = enter(home)?;
        let set_up = async |tx: &mut CellTx<ReadWrite>| {
            store::set_up_shop(tx, self.shops.ids(), home.tenant, shop).await
        };
        match self.db.scope(&context, set_up).await {
            // It has been opened, or undone, since.
            Err(ShopError::Database(DbError::StaleEpoch { .. })) => Ok(()),
            set_up => set_up.map_err(WorkError::failed),
        }
    }

    async fn bring_fence(&self, home: Home) -> Result<(), Failure> {
        let Placement {
            lifecycle, epoch, ..
        } = home.placement;
        let to = FenceTo { lifecycle, epoch };
        Ok(bring_fence_to(&self.db, home.tenant, to).await?)
    }

    async fn clear(&self, home: Home) -> Result<(), Failure> {
        let Some(fence) = self.db.fence(home.tenant).await? else {
            return Ok(());
        };
        if fence.epoch < home.placement.epoch {
            let then = Placement::new(home.placement.cell, fence.lifecycle, fence.epoch);
            let then = Home {
                placement: then,
                ..home
            };
            self.empty(then).await?;
        }
        self.bring_fence(home).await
    }

    async fn empty(&self, home: Home) -> Result<(), Failure> {
        Ok(cells::empty(&self.db, &enter(home)?).await?)
    }

    async fn scrub(&self) -> Result<(), DbError> {
        for _ in 1..SCRUBS {
            match self.db.scrub().await {
                Err(DbError::Busy) => tokio::time::sleep(BETWEEN_SCRUBS).await,
                scrubbed => return scrubbed,
            }
        }
        self.db.scrub().await
    }
}

/// A fence that is further than this step is a later step's, if the directory has come as far; otherwise there are
/// others' rows under this number.
async fn check_known(directory: &AnyDirectory, home: Home, fence: Fence) -> Result<(), Failure> {
    let tenant = directory.tenant(home.tenant).await?;
    let placement = tenant.map_or(home.placement, |tenant| tenant.placement);
    compare(home.tenant, placement, Some(fence))?;
    Ok(())
}

fn enter(home: Home) -> Result<TenantContext<ReadWrite>, Failure> {
    Ok(admitted(home)?.read_write()?)
}

fn admitted(home: Home) -> Result<Admitted, Refusal> {
    let resolved = Resolved {
        tenant: home.tenant,
        placement: home.placement,
        source: Source::Internal,
    };
    let principal = Principal::platform("workflow", "make, purge or refill a shop");
    admit(resolved, principal, Grant::ReadWrite, budgets::OF_WORKFLOWS)
}
