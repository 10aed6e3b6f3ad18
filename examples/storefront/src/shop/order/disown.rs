//! What a shop keeps of its orders when it is a copy of another one.

use tenancy_core::{ReadWrite, db::CellTx};
use tenancy_types::UnixMicros;

use super::{OrderEvent, move_stock, overdue, transition};
use crate::shop::{ShopError, inventory::StockKind, payment::PaymentKey};

/// How many pending orders are read at a time.
const BATCH: usize = 50;

/// Makes a shop that was loaded from another one's archive a shop of its own: payments stay with the original,
/// which the provider knows. Orders that are pending have expired and hold no stock, refunds that are pending are
/// refused, and money can be given back only in the original. Carts and the keys of checkouts are gone, because
/// their visitors are the original's. To be called once, before the shop is entered; again it changes nothing.
///
/// # Errors
/// [`ShopError::StockBroken`] when an order holds stock that is not there, [`ShopError::Database`],
/// [`ShopError::BadRow`]; nothing must be committed then.
pub async fn disown_payments(tx: &mut CellTx<ReadWrite>, now: UnixMicros) -> Result<(), ShopError> {
    let all = UnixMicros::new(i64::MAX);
    loop {
        let pending = overdue(tx, all, all, BATCH).await?;
        if pending.is_empty() {
            break;
        }
        for order in pending {
            transition(tx, &order, OrderEvent::Expire, now).await?;
            move_stock(tx, &order, StockKind::Released, now).await?;
        }
    }
    let tenant = tx.tenant().as_i64();
    for sql in [UNPROMISE, REFUSE] {
        tx.sql(sql).bind(tenant).bind(now.get()).run().await?;
    }
    let statement = tx.sql(DISOWN).bind(tenant);
    statement.bind(PaymentKey::ELSEWHERE).run().await?;
    for sql in FORGET {
        tx.sql(sql).bind(tenant).run().await?;
    }
    Ok(())
}

const UNPROMISE: &str = "update shop_order set updated_at = $2, refunded = refunded - (
        select cast(sum(r.amount) as bigint) from order_refund r
        where r.tenant_id = $1 and r.order_id = shop_order.order_id and r.state = 'pending')
    where tenant_id = $1 and order_id in (
        select order_id from order_refund where tenant_id = $1 and state = 'pending')";

const REFUSE: &str = "update order_refund set state = 'refused', updated_at = $2
    where tenant_id = $1 and state = 'pending'";

const DISOWN: &str = "update shop_order set payment_key = $2 || payment_key
    where tenant_id = $1 and payment_key not like 'elsewhere %'";

const FORGET: [&str; 2] = [
    "delete from cart where tenant_id = $1",
    "delete from checkout_key where tenant_id = $1",
];
