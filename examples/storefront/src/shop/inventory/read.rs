use tenancy_core::{Access, ReadWrite, db::CellTx};

use super::Stock;
use crate::shop::ShopError;

/// A variant's stock as the operators' list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockEntry {
    /// The variant.
    pub variant: i64,
    /// The product's part of the address.
    pub handle: String,
    /// The product's title.
    pub title: String,
    /// The variant's option values, joined by ` / `.
    pub options: String,
    /// The merchant's number; may be empty.
    pub sku: String,
    /// Where its pieces are.
    pub stock: Stock,
    /// When to order more, if somebody should be told.
    pub reorder_at: Option<i64>,
}

/// Which stock is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockFilter {
    /// All that is counted.
    All,
    /// Of which more should be ordered, and what has run out.
    Low,
}

/// The stock of a variant, or `None` when it was never counted. It outlives the variant.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn stock<A: Access>(
    tx: &mut CellTx<A>,
    variant: i64,
) -> Result<Option<Stock>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "select variant_id, received, on_hand, reserved, allocated, sold, seq, reorder_at
        from stock where tenant_id = $1 and variant_id = $2",
    );
    let row: Option<StockRow> = statement.bind(tenant).bind(variant).optional().await?;
    Ok(row.map(Stock::from))
}

/// The stock of a variant in the catalogue that is counted; `None` also when there is stock of it from a time when
/// it was.
pub(super) async fn counted<A: Access>(
    tx: &mut CellTx<A>,
    variant: i64,
) -> Result<Option<Stock>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "select s.variant_id, s.received, s.on_hand, s.reserved, s.allocated, s.sold, s.seq, s.reorder_at
        from stock s
        join product_variant v on v.tenant_id = $1 and v.variant_id = s.variant_id and v.quantity is not null
        where s.tenant_id = $1 and s.variant_id = $2",
    );
    let row: Option<StockRow> = statement.bind(tenant).bind(variant).optional().await?;
    Ok(row.map(Stock::from))
}

macro_rules! select_entries {
    ($filter:literal) => {
        concat!(
            "select s.variant_id, p.handle, p.title, v.option1, v.option2, v.option3, v.sku, s.received, s.on_hand,
                s.reserved, s.allocated, s.sold, s.seq, s.reorder_at
            from stock s
            join product_variant v on v.tenant_id = $1 and v.variant_id = s.variant_id and v.quantity is not null
            join product p on p.tenant_id = $1 and p.product_id = v.product_id
            where s.tenant_id = $1 and s.variant_id > $2 ",
            $filter,
            " order by s.variant_id limit $3"
        )
    };
}

/// The stock of the variants in the catalogue that are counted, with ids above `after`, by variant.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn stock_list<A: Access>(
    tx: &mut CellTx<A>,
    filter: StockFilter,
    after: i64,
    limit: usize,
) -> Result<Vec<StockEntry>, ShopError> {
    let sql = match filter {
        StockFilter::All => select_entries!(""),
        StockFilter::Low => select_entries!("and s.on_hand <= coalesce(s.reorder_at, 0)"),
    };
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(sql).bind(tenant).bind(after).bind(limit as i64);
    let rows: Vec<EntryRow> = statement.all().await?;
    Ok(rows.into_iter().map(StockEntry::from).collect())
}

/// Sets when somebody should be told to order more of a variant. `false` when it is not counted.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn set_reorder_at(
    tx: &mut CellTx<ReadWrite>,
    variant: i64,
    reorder_at: Option<i64>,
) -> Result<bool, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement =
        tx.sql("update stock set reorder_at = $3 where tenant_id = $1 and variant_id = $2");
    let statement = statement.bind(tenant).bind(variant).bind(reorder_at);
    Ok(statement.run().await? == 1)
}

/// A row of `stock`.
#[derive(sqlx::FromRow)]
pub(super) struct StockRow {
    pub(super) variant_id: i64,
    received: i64,
    pub(super) on_hand: i64,
    reserved: i64,
    allocated: i64,
    sold: i64,
    pub(super) seq: i64,
    pub(super) reorder_at: Option<i64>,
}

impl From<StockRow> for Stock {
    fn from(row: StockRow) -> Self {
        Self {
            received: row.received,
            on_hand: row.on_hand,
            reserved: row.reserved,
            allocated: row.allocated,
            sold: row.sold,
            seq: row.seq,
        }
    }
}

#[derive(sqlx::FromRow)]
struct EntryRow {
    #[sqlx(flatten)]
    stock: StockRow,
    handle: String,
    title: String,
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
    sku: String,
}

impl From<EntryRow> for StockEntry {
    fn from(row: EntryRow) -> Self {
        Self {
            variant: row.stock.variant_id,
            reorder_at: row.stock.reorder_at,
            options: joined([row.option1, row.option2, row.option3]),
            stock: row.stock.into(),
            handle: row.handle,
            title: row.title,
            sku: row.sku,
        }
    }
}

/// A variant's option values as one text.
pub(in crate::shop) fn joined(options: [Option<String>; 3]) -> String {
    let options: Vec<String> = options.into_iter().flatten().collect();
    options.join(" / ")
}
