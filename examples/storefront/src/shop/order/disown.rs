use tenancy_core::{ReadWrite, db::CellTx};
use tenancy_types::TenantId;

use crate::shop::ShopError;

/// Leaves to another shop the payments of which these rows are a copy. Repeating it changes nothing.
///
/// The provider knows no payment of these orders from then on: none that is open is charged, called off or given
/// back twice. Orders that are pending expire in their time, with their stock. What buyers could go on with, carts
/// and checkouts that they may repeat, is the other shop's.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn disown_payments(
    tx: &mut CellTx<ReadWrite>,
    tenant: TenantId,
) -> Result<(), ShopError> {
    for sql in [
        "update shop_order
            set payment_key = 'imported-' || cast(tenant_id as text) || '-' || cast(order_id as text)
        where tenant_id = $1",
        "update order_refund set state = 'done' where tenant_id = $1 and state = 'pending'",
        "delete from checkout_key where tenant_id = $1",
        "delete from cart where tenant_id = $1",
    ] {
        tx.sql(sql).bind(tenant.as_i64()).run().await?;
    }
    Ok(())
}
