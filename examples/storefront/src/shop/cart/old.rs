//! Carts that nobody has touched for a month.

use tenancy_core::{ReadWrite, TenantContext, db::CellTx};
use tenancy_types::UnixMicros;

use super::KEPT_SECONDS;
use crate::shop::{Cell, ShopError};

/// Which tenants have carts that were not touched since `$1`, of those with numbers above `$2`. A tenant may come
/// more than once. The sign keeps the databases from walking the primary key.
pub const TENANTS_WITH_OLD_CARTS: &str =
    "select tenant_id from cart where updated_at < $1 and +tenant_id > $2";

/// How many carts one turn throws away.
const BATCH: i64 = 500;

/// From when on carts are kept.
#[must_use]
pub fn kept_since(now: UnixMicros) -> UnixMicros {
    UnixMicros::new(now.get().saturating_sub(KEPT_SECONDS * 1_000_000))
}

/// Throws away the tenant's carts that are too old, up to 500 of them, and returns how many.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn forget_old(
    cell: &Cell,
    tenant: &TenantContext<ReadWrite>,
    now: UnixMicros,
) -> Result<u64, ShopError> {
    let forget = async |tx: &mut CellTx<ReadWrite>| {
        let tenant = tx.tenant().as_i64();
        let statement = tx.sql(
            "delete from cart where tenant_id = $1 and cart_id in
                (select cart_id from cart where tenant_id = $1 and updated_at < $2 order by updated_at limit $3)",
        );
        let statement = statement.bind(tenant).bind(kept_since(now).get());
        Ok(statement.bind(BATCH).run().await?)
    };
    cell.scope(tenant, forget).await
}
