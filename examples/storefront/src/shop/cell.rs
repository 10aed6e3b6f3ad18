use std::sync::Arc;

use tenancy_core::{
    Access, TenantContext,
    db::{CellDb, CellTx},
};
use tenancy_types::{CellId, Clock};

use super::{Ids, ShopError};

/// A cell as the shops in it need it. Cheap to clone; clones share the source of ids.
#[derive(Clone, Debug)]
pub struct Cell {
    id: CellId,
    db: CellDb,
    ids: Arc<Ids>,
}

impl Cell {
    /// A cell over its database. There must be only one in a process, so that ids differ; clone it.
    #[must_use]
    pub fn new(id: CellId, db: CellDb, clock: Arc<dyn Clock>) -> Self {
        let ids = Arc::new(Ids::new(id, clock));
        Self { id, db, ids }
    }

    /// Which cell it is.
    #[must_use]
    pub const fn id(&self) -> CellId {
        self.id
    }

    /// Its source of ids and of the time.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        &self.ids
    }

    /// A transaction of the tenant. It takes no connection before its first statement.
    #[must_use]
    pub fn begin<A: Access>(&self, tenant: &TenantContext<A>) -> CellTx<A> {
        self.db.begin(tenant)
    }

    /// Work in a transaction of the tenant: committed when it is `Ok`, rolled back when not.
    ///
    /// # Errors
    /// The work's error, or [`ShopError::Database`] of the commit.
    pub async fn scope<A: Access, T>(
        &self,
        tenant: &TenantContext<A>,
        work: impl AsyncFnOnce(&mut CellTx<A>) -> Result<T, ShopError>,
    ) -> Result<T, ShopError> {
        self.db.scope(tenant, work).await
    }
}
