use tenancy_core::{ReadWrite, TenantContext, db::CellTx};

use super::{Cause, Stock, StockEvent, StockKind, StockWrite, raise, set_reorder_at, stock};
use crate::shop::{Cell, ShopError};

/// What the shop's people do to stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockChange {
    /// This many came in.
    Receive(i64),
    /// There are this many more, or fewer, than the numbers say.
    Adjust(i64),
    /// This many are on hand, whatever the numbers say.
    Count(i64),
    /// Somebody should be told when there are no more than this.
    ReorderAt(Option<i64>),
}

/// Changes a counted variant's stock and returns what it is then.
///
/// # Errors
/// [`ShopError::NotFound`] when the variant is not counted, [`ShopError::InvalidRequest`] for a number that is
/// negative where it cannot be, or too large, [`ShopError::NotEnoughStock`] when fewer are on hand than are
/// taken away, [`ShopError::Database`].
pub async fn change_stock(
    cell: &Cell,
    tenant: &TenantContext<ReadWrite>,
    variant: i64,
    change: StockChange,
    note: &str,
) -> Result<Stock, ShopError> {
    let cause = Cause {
        at: cell.ids().now(),
        order: None,
        note: note.to_owned(),
    };
    let work = async |tx: &mut CellTx<ReadWrite>| {
        if stock(tx, variant).await?.is_none() {
            return Err(ShopError::NotFound { what: "stock" });
        }
        let mut write = StockWrite::new(tx, cause);
        let changed = match change {
            StockChange::Receive(quantity) => {
                let event = possible(StockKind::Received, quantity)?;
                write.apply(variant, event).await?
            }
            StockChange::Adjust(quantity) => {
                let event = possible(StockKind::Adjusted, quantity)?;
                write.apply(variant, event).await?
            }
            StockChange::Count(on_hand) => {
                possible(StockKind::Received, on_hand)?;
                write.count(variant, on_hand).await?
            }
            StockChange::ReorderAt(reorder_at) => {
                possible(StockKind::Received, reorder_at.unwrap_or(0))?;
                set_reorder_at(tx, variant, reorder_at).await?;
                let now = stock(tx, variant).await?;
                return Ok((
                    now.ok_or(ShopError::NotFound { what: "stock" })?,
                    Vec::new(),
                ));
            }
        };
        let changed = changed.ok_or(ShopError::NotEnoughStock { variant })?;
        Ok((changed, write.finish().await?))
    };
    let (stock, alerts) = cell.scope(tenant, work).await?;
    raise(tenant.tenant(), &alerts);
    Ok(stock)
}

/// The event, if its quantity is one at all.
fn possible(kind: StockKind, quantity: i64) -> Result<StockEvent, ShopError> {
    let event = StockEvent { kind, quantity };
    let deltas = event.deltas();
    deltas.map_err(|impossible| ShopError::invalid("quantity", impossible.to_string()))?;
    Ok(event)
}
