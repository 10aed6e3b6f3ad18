use tenancy_core::{Access, db::CellTx};

use crate::shop::ShopError;

/// An event of a variant's stock, as the log has it.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct LoggedEvent {
    /// Its number among the variant's events, from 1.
    pub seq: i64,
    /// The name of what happened, see [`StockKind`](super::StockKind).
    pub kind: String,
    /// How many pieces.
    pub quantity: i64,
    /// The order because of which it happened.
    pub order_id: Option<i64>,
    /// Why, in a few words; may be empty.
    pub note: String,
    /// When: microseconds since 1970 UTC.
    pub at: i64,
}

/// The events of a variant's stock after one, in their order.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn events<A: Access>(
    tx: &mut CellTx<A>,
    variant: i64,
    after: i64,
    limit: usize,
) -> Result<Vec<LoggedEvent>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "select seq, kind, quantity, order_id, note, at from stock_event
        where tenant_id = $1 and variant_id = $2 and seq > $3 order by seq limit $4",
    );
    let statement = statement.bind(tenant).bind(variant).bind(after);
    Ok(statement.bind(limit as i64).all().await?)
}
