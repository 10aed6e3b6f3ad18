//! Imports a product file into a shop: bytes in, a report out.

use std::error::Error;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tenancy_core::{ReadWrite, TenantContext, db::CellTx};
use tokio::sync::Semaphore;

use super::{Cell, ShopError, catalog, inventory, store};
use crate::import::{Importer, Limits, Product, Report, Stored};

/// How many bytes the importer takes at once, so that memory does not depend on how the file arrives.
const CHUNK: usize = 64 * 1024;

/// Whether an import changes the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportMode {
    /// Do everything but commit, and report what would have happened.
    DryRun,
    /// Change the shop.
    Apply,
}

/// Why an import ended before its file did. Products that were committed by then stay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The shop could not take a product.
    #[error(transparent)]
    Shop(#[from] ShopError),
    /// The file stopped arriving.
    #[error("receive the product file")]
    Receive(#[source] Box<dyn Error + Send + Sync>),
}

/// Imports a file as it arrives, each product in a transaction of its own.
///
/// What is wrong in the file is not an error but in the report. Memory is bounded by `limits`, whatever the
/// file.
///
/// # Errors
/// [`ImportError`]. Importing the same file again goes on where it ended: what is there already is unchanged.
///
/// # Cancel safety
/// Dropping the future, as when a client goes away, keeps the products that were committed and leaves
/// nothing half done.
pub async fn import<E>(
    cell: &Cell,
    tenant: &TenantContext<ReadWrite>,
    limits: Limits,
    mode: ImportMode,
    file: impl Stream<Item = Result<Bytes, E>> + Send,
) -> Result<Report, ImportError>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let run = Run { cell, tenant, mode };
    let mut importer = run.importer(limits).await?;
    let mut file = std::pin::pin!(file);
    while let Some(bytes) = file.next().await {
        let mut bytes = bytes.map_err(|error| ImportError::Receive(error.into()))?;
        while !bytes.is_empty() {
            let chunk = bytes.split_to(bytes.len().min(CHUNK));
            let products;
            (importer, products) = aside(move || {
                let products = importer.feed(&chunk);
                (importer, products)
            })
            .await;
            run.store_all(&mut importer, products).await?;
        }
        // The rest cannot be read, so it need not be received.
        if importer.is_stopped() {
            return Ok(importer.into_report());
        }
    }
    let products;
    (importer, products) = aside(move || {
        let products = importer.finish();
        (importer, products)
    })
    .await;
    run.store_all(&mut importer, products).await?;
    Ok(importer.into_report())
}

/// How many imports clean descriptions at one time: a hostile one takes long, and must leave processors to
/// the other shops.
static ASIDE: Semaphore = Semaphore::const_new(2);

/// Works where it blocks nobody.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let turn = ASIDE
        .acquire()
        .await
        .expect("the semaphore is never closed");
    let work = move || {
        let _turn = turn;
        work()
    };
    tokio::task::spawn_blocking(work)
        .await
        .expect("neither importer nor sanitiser panics on any input")
}

struct Run<'a> {
    cell: &'a Cell,
    tenant: &'a TenantContext<ReadWrite>,
    mode: ImportMode,
}

impl Run<'_> {
    async fn importer(&self, limits: Limits) -> Result<Importer, ShopError> {
        let read = async |tx: &mut CellTx<ReadWrite>| {
            let tenant = tx.tenant();
            catalog::shop(tx, tenant).await
        };
        let shop = self.cell.scope(self.tenant, read).await?;
        Ok(Importer::new(shop.currency, limits))
    }

    async fn store_all(
        &self,
        importer: &mut Importer,
        products: Vec<Product>,
    ) -> Result<(), ShopError> {
        for product in products {
            importer.stored(self.store(&product).await?);
        }
        Ok(())
    }

    async fn store(&self, product: &Product) -> Result<Stored, ShopError> {
        let (mut tx, tenant) = (self.cell.begin(self.tenant), self.tenant.tenant());
        let upserted = store::upsert_product(&mut tx, self.cell.ids(), tenant, product).await;
        let upserted = match upserted {
            Ok(upserted) => upserted,
            Err(error) => {
                tx.rollback().await;
                return Err(error);
            }
        };
        match (upserted.stored, self.mode) {
            (Stored::Created | Stored::Updated, ImportMode::Apply) => {
                tx.commit().await?;
                inventory::raise(tenant, &upserted.alerts);
            }
            // Nothing to keep: a dry run, or nothing written.
            _ => tx.rollback().await,
        }
        Ok(upserted.stored)
    }
}
