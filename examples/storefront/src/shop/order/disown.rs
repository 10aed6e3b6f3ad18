//! What a shop keeps of its orders when it is a copy of another one.

use std::num::NonZeroU32;

use tenancy_core::{ReadWrite, TenantContext, db::CellTx};
use tenancy_types::UnixMicros;

use super::{OrderEvent, move_stock, overdue, transition};
use crate::shop::{Cell, ShopError, inventory::StockKind, payment::PaymentKey, schema};

/// How many orders or refunds one transaction changes, each with statements of its own.
const BATCH: usize = 50;

/// How many rows one transaction changes with one statement.
const ROWS: NonZeroU32 = NonZeroU32::new(500).expect("it is not 0");

/// The tables that say what visitors were about to do, children first.
const FORGOTTEN: [&str; 3] = ["cart_item", "cart", "checkout_key"];

/// Makes a shop that was loaded from another one's archive a shop of its own: payments stay with the original,
/// which the provider knows. Orders that are pending have expired and hold no stock, refunds that are pending are
/// refused, and money can be given back only in the original. Carts and the keys of checkouts are gone, because
/// their visitors are the original's. To be called before the shop is opened; again it changes nothing.
///
/// It writes in many small transactions: other shops of the cell get their turn in between.
///
/// # Errors
/// [`ShopError::StockBroken`] when an order holds stock that is not there, [`ShopError::Database`],
/// [`ShopError::BadRow`].
///
/// # Cancel safety
/// When the future is dropped, a part is done. Call it again.
pub async fn disown_payments(
    cell: &Cell,
    tenant: &TenantContext<ReadWrite>,
    now: UnixMicros,
) -> Result<(), ShopError> {
    while cell.scope(tenant, async |tx| expire(tx, now).await).await? {}
    while cell.scope(tenant, async |tx| refuse(tx, now).await).await? {}
    let mut after = i64::MIN;
    while let Some(last) = cell
        .scope(tenant, async |tx| disown(tx, after).await)
        .await?
    {
        after = last;
    }
    let manifest = schema::manifest();
    for name in FORGOTTEN {
        let table = manifest.tables().iter().find(|table| table.name() == name);
        let table = table.expect("the manifest declares every table");
        let delete = async |tx: &mut CellTx<ReadWrite>| Ok(tx.delete_from(table, ROWS).await?);
        while cell.scope(tenant, delete).await? > 0 {}
    }
    Ok(())
}

/// Calls off some pending orders, and says whether there were any.
async fn expire(tx: &mut CellTx<ReadWrite>, now: UnixMicros) -> Result<bool, ShopError> {
    let all = UnixMicros::new(i64::MAX);
    let pending = overdue(tx, all, all, BATCH).await?;
    for order in &pending {
        transition(tx, order, OrderEvent::Expire, now).await?;
        move_stock(tx, order, StockKind::Released, now).await?;
    }
    Ok(!pending.is_empty())
}

/// Refuses some pending refunds, and says whether there were any.
async fn refuse(tx: &mut CellTx<ReadWrite>, now: UnixMicros) -> Result<bool, ShopError> {
    let tenant = tx.tenant().as_i64();
    let pending = tx.sql(PENDING).bind(tenant).bind(BATCH as i64);
    let pending: Vec<(i64, i64, i64)> = pending.all().await?;
    for (refund, order, amount) in &pending {
        let unpromise = tx.sql(UNPROMISE).bind(tenant).bind(now.get());
        unpromise.bind(*order).bind(*amount).run().await?;
        let refuse = tx.sql(REFUSE).bind(tenant).bind(now.get());
        refuse.bind(*refund).run().await?;
    }
    Ok(!pending.is_empty())
}

/// Leaves the payments of some orders behind this one to the original; returns the last of them.
async fn disown(tx: &mut CellTx<ReadWrite>, after: i64) -> Result<Option<i64>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let last = tx.sql(LAST).bind(tenant).bind(after);
    let (last,): (Option<i64>,) = last.bind(i64::from(ROWS.get())).one().await?;
    if let Some(last) = last {
        let statement = tx.sql(DISOWN).bind(tenant).bind(after).bind(last);
        statement.bind(PaymentKey::ELSEWHERE).run().await?;
    }
    Ok(last)
}

const PENDING: &str = "select refund_id, order_id, amount from order_refund
    where tenant_id = $1 and state = 'pending' order by refund_id limit $2";

const UNPROMISE: &str = "update shop_order set updated_at = $2, refunded = refunded - $4
    where tenant_id = $1 and order_id = $3";

const REFUSE: &str = "update order_refund set state = 'refused', updated_at = $2
    where tenant_id = $1 and refund_id = $3";

const LAST: &str = "select max(order_id) from (
        select order_id from shop_order where tenant_id = $1 and order_id > $2
        order by order_id limit $3) as batch";

const DISOWN: &str = "update shop_order set payment_key = $4 || payment_key
    where tenant_id = $1 and order_id > $2 and order_id <= $3 and payment_key not like 'elsewhere %'";
