//! Ending what a shop has open with the payment provider, while the rows that know of it are there.

use std::{error::Error, time::Duration};

use tenancy_core::{ReadWrite, TenantContext, directory::Tenant};
use tenancy_migrate::Home;
use tenancy_types::Lifecycle;
use tokio::time::timeout;

use super::{Platform, cell_work::CellAct, cells::OpenCell};
use crate::shop::ShopError;

/// The longest that it is tried at one time: somebody waits for the answer, and other shops for their turn.
const LIMIT: Duration = Duration::from_secs(20);

/// Why something is open still.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsettled {
    /// The provider cannot say.
    #[error("the payment provider cannot say what became of {open} orders and refunds")]
    Unknown {
        /// How many.
        open: u64,
    },
    /// There is more than this time was enough for.
    #[error("orders and refunds were not settled within {} s", LIMIT.as_secs())]
    TooLong,
    /// The shop's rows could not be read or written.
    #[error("orders and refunds could not be settled")]
    Shop(#[from] ShopError),
}

/// Ends all that a shop has open with the provider, or says why it could not. What has been ended stays so.
pub(super) async fn settle(
    cell: &OpenCell,
    context: &TenantContext<ReadWrite>,
) -> Result<(), Unsettled> {
    match timeout(LIMIT, cell.checkout.settle_all(context)).await {
        Ok(Ok(0)) => Ok(()),
        Ok(Ok(open)) => Err(Unsettled::Unknown { open }),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(Unsettled::TooLong),
    }
}

impl Platform {
    /// Settles what a shop that is about to be closed has open. A provider that is away keeps no shop from
    /// being closed: what is open then waits until the shop is resumed, or stops its purge.
    pub(super) async fn settle_before_closing(&self, tenant: &Tenant) {
        if tenant.placement.lifecycle != Lifecycle::Active {
            return;
        }
        let home = Home {
            tenant: tenant.id,
            placement: tenant.placement,
        };
        let settled = async {
            let cell = self.links().find(tenant.placement.cell)?;
            cell.act(home, CellAct::Settle).await
        };
        if let Err(error) = settled.await {
            let cause = error.source().map(ToString::to_string);
            tracing::warn!(tenant_id = %tenant.id, %error, cause, "shop is closed with payments open");
        }
    }
}
