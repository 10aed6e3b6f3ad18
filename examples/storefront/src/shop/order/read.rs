use std::collections::HashMap;

use tenancy_core::{Access, db::CellTx};
use tenancy_types::UnixMicros;

use super::{Order, OrderLine, OrderState, Totals};
use crate::{
    money::Currency,
    shop::{ShopError, payment::PaymentKey},
};

/// How many orders' lines one statement asks for.
const CHUNK: usize = 20;

macro_rules! select_orders {
    ($rest:literal) => {
        concat!(
            "select order_id, token, payment_key, state, email, currency, items_total, shipping, tax, total,
                refunded, created_at, updated_at, expires_at
            from shop_order where tenant_id = $1 ",
            $rest
        )
    };
}

/// The order with this token.
///
/// # Errors
/// [`ShopError::NotFound`], [`ShopError::Database`], [`ShopError::BadRow`].
pub async fn order_by_token<A: Access>(
    tx: &mut CellTx<A>,
    token: &str,
) -> Result<Order, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(select_orders!("and token = $2"));
    let statement = statement.bind(tenant).bind(token.to_owned());
    let rows = statement.all().await?;
    only(tx, rows).await
}

/// The order with this id.
///
/// # Errors
/// As [`order_by_token`].
pub async fn order_by_id<A: Access>(tx: &mut CellTx<A>, id: i64) -> Result<Order, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(select_orders!("and order_id = $2"));
    let rows = statement.bind(tenant).bind(id).all().await?;
    only(tx, rows).await
}

/// Orders with ids below `before`, the last one first, of one state or of all.
///
/// # Errors
/// [`ShopError::Database`], [`ShopError::BadRow`].
pub async fn orders<A: Access>(
    tx: &mut CellTx<A>,
    state: Option<OrderState>,
    before: i64,
    limit: usize,
) -> Result<Vec<Order>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let state = state.map_or("", OrderState::as_str).to_owned();
    let statement = tx.sql(select_orders!(
        "and order_id < $2 and (state = $3 or $3 = '') order by order_id desc limit $4"
    ));
    let statement = statement.bind(tenant).bind(before).bind(state);
    let rows = statement.bind(limit as i64).all().await?;
    with_lines(tx, rows).await
}

/// Pending orders whose time is over and that may be asked about, the longest over first. What is noted for a time
/// after `too_far` is due, too.
pub(in crate::shop) async fn overdue<A: Access>(
    tx: &mut CellTx<A>,
    now: UnixMicros,
    too_far: UnixMicros,
    limit: usize,
) -> Result<Vec<Order>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(select_orders!(
        "and state = 'pending' and (expires_at <= $2 or expires_at > $3)
            and (next_try <= $2 or next_try > $3)
        order by expires_at, order_id limit $4"
    ));
    let statement = statement.bind(tenant).bind(now.get()).bind(too_far.get());
    let rows = statement.bind(limit as i64).all().await?;
    with_lines(tx, rows).await
}

/// Since when the pending order is overdue that has been for the longest.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn oldest_overdue<A: Access>(
    tx: &mut CellTx<A>,
    now: UnixMicros,
) -> Result<Option<UnixMicros>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "select min(expires_at) from shop_order
        where tenant_id = $1 and state = 'pending' and expires_at <= $2",
    );
    let row: Option<(Option<i64>,)> = statement.bind(tenant).bind(now.get()).optional().await?;
    Ok(row.and_then(|(since,)| since).map(UnixMicros::new))
}

async fn only<A: Access>(tx: &mut CellTx<A>, rows: Vec<OrderRow>) -> Result<Order, ShopError> {
    let mut orders = with_lines(tx, rows).await?;
    orders.pop().ok_or(ShopError::NotFound { what: "order" })
}

async fn with_lines<A: Access>(
    tx: &mut CellTx<A>,
    rows: Vec<OrderRow>,
) -> Result<Vec<Order>, ShopError> {
    let mut orders = Vec::with_capacity(rows.len());
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let chunk: Vec<OrderRow> = rows.by_ref().take(CHUNK).collect();
        let mut lines = lines(tx, &chunk).await?;
        for row in chunk {
            let lines = lines.remove(&row.order_id).unwrap_or_default();
            orders.push(row.into_order(lines)?);
        }
    }
    Ok(orders)
}

/// The lines of up to [`CHUNK`] orders. No order has the id 0, which fills the places that are left.
async fn lines<A: Access>(
    tx: &mut CellTx<A>,
    orders: &[OrderRow],
) -> Result<HashMap<i64, Vec<OrderLine>>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let mut statement = tx.sql(LINES).bind(tenant);
    for index in 0..CHUNK {
        statement = statement.bind(orders.get(index).map_or(0, |row| row.order_id));
    }
    let rows: Vec<LineRow> = statement.all().await?;
    let mut lines: HashMap<i64, Vec<OrderLine>> = HashMap::with_capacity(orders.len());
    for row in rows {
        lines.entry(row.order_id).or_default().push(row.into());
    }
    Ok(lines)
}

const LINES: &str =
    "select order_id, variant_id, title, options, sku, unit_price, quantity, from_stock
    from order_line where tenant_id = $1 and order_id in
        ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
    order by order_id, position";

#[derive(sqlx::FromRow)]
struct OrderRow {
    order_id: i64,
    token: String,
    payment_key: String,
    state: String,
    email: String,
    currency: String,
    items_total: i64,
    shipping: i64,
    tax: i64,
    total: i64,
    refunded: i64,
    created_at: i64,
    updated_at: i64,
    expires_at: i64,
}

impl OrderRow {
    fn into_order(self, lines: Vec<OrderLine>) -> Result<Order, ShopError> {
        let currency = Currency::from_code(&self.currency);
        let totals = Totals {
            currency: currency.map_err(|error| bad("shop_order.currency", error))?,
            items: self.items_total,
            shipping: self.shipping,
            tax: self.tax,
            total: self.total,
        };
        Ok(Order {
            id: self.order_id,
            token: self.token,
            payment_key: PaymentKey::stored(self.payment_key),
            state: read_state(&self.state)?,
            email: self.email,
            totals,
            refunded: self.refunded,
            created_at: UnixMicros::new(self.created_at),
            updated_at: UnixMicros::new(self.updated_at),
            expires_at: UnixMicros::new(self.expires_at),
            lines,
        })
    }
}

/// A state as it stands in a row.
pub(super) fn read_state(name: &str) -> Result<OrderState, ShopError> {
    OrderState::from_name(name)
        .ok_or_else(|| bad("shop_order.state", format!("no state is called {name:?}")))
}

fn bad(
    column: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> ShopError {
    ShopError::BadRow {
        column,
        source: source.into(),
    }
}

#[derive(sqlx::FromRow)]
struct LineRow {
    order_id: i64,
    variant_id: i64,
    title: String,
    options: String,
    sku: String,
    unit_price: i64,
    quantity: i64,
    from_stock: i64,
}

impl From<LineRow> for OrderLine {
    fn from(row: LineRow) -> Self {
        Self {
            variant: row.variant_id,
            title: row.title,
            options: row.options,
            sku: row.sku,
            unit_price: row.unit_price,
            quantity: row.quantity,
            from_stock: row.from_stock,
        }
    }
}
