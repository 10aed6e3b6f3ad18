use tenancy_core::{Access, db::CellTx};
use tenancy_types::TenantId;

use crate::{
    import::Collection,
    pages::Frame,
    shop::{Shop, ShopError, catalog},
};

/// Collections that the head of every page names.
const NAMED: usize = 5;

/// What every page needs to know of the shop.
pub(super) struct Visit {
    pub(super) tenant: TenantId,
    pub(super) shop: Shop,
    collections: Vec<Collection>,
}

impl Visit {
    pub(super) async fn begin<A: Access>(tx: &mut CellTx<A>) -> Result<Self, ShopError> {
        let tenant = tx.tenant();
        let shop = catalog::shop(tx, tenant).await?;
        let collections = catalog::collections(tx, tenant, NAMED).await?;
        Ok(Self {
            tenant,
            shop,
            collections,
        })
    }

    pub(super) fn frame(&self) -> Frame {
        Frame::new(self.tenant, &self.shop, &self.collections)
    }
}
