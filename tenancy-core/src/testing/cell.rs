use std::{num::NonZeroU16, ops::Deref};

use sqlx::{PgPool, postgres::PgConnectOptions};
use tenancy_types::{Epoch, Lifecycle, TenantId};

use crate::{
    Manifest, ReadWrite, TenantContext,
    db::{CellOptions, DbError, PostgresCell},
    isolation::{
        IsolationMode,
        testing::{TestCellError, cell},
    },
    protocol::FenceEvent,
};

/// How many connections a test's cell has. `#[sqlx::test]` gives each of its tests five at most, too.
const CONNECTIONS: NonZeroU16 = NonZeroU16::MIN.saturating_add(4);

/// A cell in a test's own database, opened as an application opens it: as a role that row security binds.
///
/// It is the [`PostgresCell`] that it leads to. Its roles are named after its database, so they stay in the
/// cluster and serve the next run of the same test.
#[derive(Clone, Debug)]
pub struct TestCell(PostgresCell);

impl TestCell {
    /// Isolates a database whose tables are made, and opens it. `pool` is a superuser's, as `#[sqlx::test]`
    /// gives it; nothing of the cell ever runs on it. Where it has a password, its roles get some.
    ///
    /// # Errors
    /// [`TestCellError`]; also when the pool is not a superuser's.
    ///
    /// # Cancel safety
    /// The database may be isolated in part; do it again.
    pub async fn from_pool(
        pool: &PgPool,
        manifest: &Manifest,
        mode: IsolationMode,
    ) -> Result<Self, TestCellError> {
        Self::open(&pool.connect_options(), manifest, mode).await
    }

    /// The same by an address.
    ///
    /// # Errors
    /// As [`from_pool`](Self::from_pool).
    ///
    /// # Cancel safety
    /// As [`from_pool`](Self::from_pool).
    pub async fn open(
        admin: &PgConnectOptions,
        manifest: &Manifest,
        mode: IsolationMode,
    ) -> Result<Self, TestCellError> {
        let options = CellOptions::new(CONNECTIONS);
        Ok(Self(cell(admin, manifest, mode, options).await?))
    }

    /// Serves a tenant here from now on, and gives its [context](TenantContext::for_test). Doing it again does
    /// nothing, also through another cell of the same database.
    ///
    /// # Errors
    /// As [`PostgresCell::change_fence`]: also when the tenant is here and was changed since.
    ///
    /// # Cancel safety
    /// As [`PostgresCell::change_fence`].
    pub async fn tenant(&self, tenant: TenantId) -> Result<TenantContext<ReadWrite>, DbError> {
        let event = FenceEvent::Create {
            lifecycle: Lifecycle::Active,
            epoch: Epoch::FIRST,
        };
        self.0.change_fence(tenant, None, event).await?;
        Ok(TenantContext::for_test(tenant))
    }

    /// The same for a tenant that tables know by its [external key](PostgresCell::set_external_key).
    ///
    /// # Errors
    /// [`TestCellError::Fence`], [`TestCellError::ExternalKey`].
    ///
    /// # Cancel safety
    /// The tenant may be served already, without its key.
    pub async fn tenant_with(
        &self,
        tenant: TenantId,
        external: u128,
    ) -> Result<TenantContext<ReadWrite>, TestCellError> {
        let ctx = self.tenant(tenant).await?;
        self.0.set_external_key(tenant, external).await?;
        Ok(ctx)
    }
}

impl Deref for TestCell {
    type Target = PostgresCell;

    fn deref(&self) -> &PostgresCell {
        &self.0
    }
}
