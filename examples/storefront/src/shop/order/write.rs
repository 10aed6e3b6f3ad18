use tenancy_core::{ReadWrite, db::CellTx};
use tenancy_types::UnixMicros;

use super::{
    Order, OrderEvent, OrderLine, OrderState, next,
    read::{order_by_id, read_state},
};
use crate::shop::{
    ShopError,
    inventory::{Cause, ReorderAlert, StockEvent, StockKind, StockWrite},
};

/// Writes a new order with its lines.
pub(in crate::shop) async fn insert(
    tx: &mut CellTx<ReadWrite>,
    order: &Order,
) -> Result<(), ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(ORDER).bind(tenant).bind(order.id);
    let statement = statement
        .bind(order.token.clone())
        .bind(order.payment_key.as_str().to_owned())
        .bind(order.state.as_str().to_owned())
        .bind(order.email.clone())
        .bind(order.totals.currency.code().to_owned())
        .bind(order.totals.items)
        .bind(order.totals.shipping)
        .bind(order.totals.tax)
        .bind(order.totals.total)
        .bind(order.refunded)
        .bind(order.created_at.get())
        .bind(order.expires_at.get());
    statement.run().await?;
    for (position, line) in (0_i64..).zip(&order.lines) {
        insert_line(tx, order.id, position, line).await?;
    }
    Ok(())
}

async fn insert_line(
    tx: &mut CellTx<ReadWrite>,
    order: i64,
    position: i64,
    line: &OrderLine,
) -> Result<(), ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(LINE).bind(tenant).bind(order).bind(position);
    let statement = statement
        .bind(line.variant)
        .bind(line.title.clone())
        .bind(line.options.clone())
        .bind(line.sku.clone())
        .bind(line.unit_price)
        .bind(line.quantity)
        .bind(line.from_stock);
    statement.run().await?;
    Ok(())
}

/// Lets an event happen to an order that is where `order.state` says. `false` when it is elsewhere by now.
///
/// Orders are locked before stock, always.
pub(in crate::shop) async fn transition(
    tx: &mut CellTx<ReadWrite>,
    order: &Order,
    event: OrderEvent,
    at: UnixMicros,
) -> Result<bool, ShopError> {
    let to = next(order.state, event).ok_or(ShopError::OrderState { found: order.state })?;
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "update shop_order set state = $4, updated_at = $5
        where tenant_id = $1 and order_id = $2 and state = $3",
    );
    let statement = statement
        .bind(tenant)
        .bind(order.id)
        .bind(order.state.as_str().to_owned())
        .bind(to.as_str().to_owned())
        .bind(at.get());
    Ok(statement.run().await? == 1)
}

/// The order, which nobody else changes until this transaction ends.
pub(in crate::shop) async fn locked(
    tx: &mut CellTx<ReadWrite>,
    id: i64,
) -> Result<Order, ShopError> {
    state(tx, id, LOCK).await?;
    order_by_id(tx, id).await
}

async fn state(
    tx: &mut CellTx<ReadWrite>,
    id: i64,
    sql: &'static str,
) -> Result<OrderState, ShopError> {
    let tenant = tx.tenant().as_i64();
    let row: Option<(String,)> = tx.sql(sql).bind(tenant).bind(id).optional().await?;
    let (state,) = row.ok_or(ShopError::NotFound { what: "order" })?;
    read_state(&state)
}

/// Where the order is now.
pub(in crate::shop) async fn state_now(
    tx: &mut CellTx<ReadWrite>,
    id: i64,
) -> Result<OrderState, ShopError> {
    state(tx, id, STATE).await
}

/// Does to the stock of all lines what happened to the order.
pub(in crate::shop) async fn move_stock(
    tx: &mut CellTx<ReadWrite>,
    order: &Order,
    kind: StockKind,
    at: UnixMicros,
) -> Result<Vec<ReorderAlert>, ShopError> {
    let cause = Cause {
        at,
        order: Some(order.id),
        note: String::new(),
    };
    let mut stock = StockWrite::new(tx, cause);
    // Lines are in the order of their variants, see `Checkout::place`.
    for line in order.lines.iter().filter(|line| line.from_stock > 0) {
        let quantity = line.from_stock;
        let moved = stock
            .apply(line.variant, StockEvent { kind, quantity })
            .await?;
        moved.ok_or(ShopError::StockBroken {
            variant: line.variant,
        })?;
    }
    stock.finish().await
}

/// Notes that a paid order was handed over. One that was handed over before stays so.
///
/// # Errors
/// [`ShopError::OrderState`] when it is not paid, [`ShopError::RefundPending`] while money of it is on its way
/// back, [`ShopError::NotFound`], [`ShopError::Database`].
pub async fn fulfil(
    tx: &mut CellTx<ReadWrite>,
    id: i64,
    at: UnixMicros,
) -> Result<Order, ShopError> {
    let order = locked(tx, id).await?;
    if order.state == OrderState::Fulfilled {
        return Ok(order);
    }
    if has_pending_refund(tx, id).await? {
        return Err(ShopError::RefundPending);
    }
    transition(tx, &order, OrderEvent::Fulfil, at).await?;
    move_stock(tx, &order, StockKind::Sold, at).await?;
    order_by_id(tx, id).await
}

/// Whether a refund of the order is promised that the provider has not confirmed.
pub(in crate::shop) async fn has_pending_refund(
    tx: &mut CellTx<ReadWrite>,
    order: i64,
) -> Result<bool, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "select refund_id from order_refund
        where tenant_id = $1 and order_id = $2 and state = 'pending' limit 1",
    );
    let row: Option<(i64,)> = statement.bind(tenant).bind(order).optional().await?;
    Ok(row.is_some())
}

const ORDER: &str =
    "insert into shop_order (tenant_id, order_id, token, payment_key, state, email, currency,
        items_total, shipping, tax, total, refunded, created_at, updated_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14)";

const LINE: &str =
    "insert into order_line (tenant_id, order_id, position, variant_id, title, options, sku,
        unit_price, quantity, from_stock)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const LOCK: &str =
    "update shop_order set state = state where tenant_id = $1 and order_id = $2 returning state";

const STATE: &str = "select state from shop_order where tenant_id = $1 and order_id = $2";
