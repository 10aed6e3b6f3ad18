//! Whether the numbers are what the log says.

use std::{collections::BTreeMap, ops::RangeInclusive};

use tenancy_core::{Access, ReadOnly, ReadWrite, TenantContext, db::CellTx};

use super::{Stock, StockEvent, StockKind, availability, read::StockRow};
use crate::shop::{Cell, ShopError};

/// Rows that one statement asks for.
const PAGE: usize = 1_000;

/// A variant whose numbers are not the sum of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The variant.
    pub variant: i64,
    /// The numbers.
    pub projected: Stock,
    /// What the log says; `None` when it tells of something that cannot have happened.
    pub logged: Option<Stock>,
}

/// Compares all stock of the tenant with the log, and returns what differs. Linear in the log.
///
/// # Errors
/// [`ShopError::Database`], [`ShopError::BadRow`].
pub async fn compare<A: Access>(tx: &mut CellTx<A>) -> Result<Vec<Difference>, ShopError> {
    let mut logged = replay(tx, i64::MIN..=i64::MAX).await?;
    let mut differences = Vec::new();
    let mut after = i64::MIN;
    loop {
        let tenant = tx.tenant().as_i64();
        let statement = tx.sql(STOCK).bind(tenant).bind(after).bind(PAGE as i64);
        let rows: Vec<StockRow> = statement.all().await?;
        let Some(last) = rows.last() else {
            return Ok(differences);
        };
        after = last.variant_id;
        for row in rows {
            let variant = row.variant_id;
            let projected = Stock::from(row);
            let logged = logged.remove(&variant).unwrap_or(Some(Stock::default()));
            if logged != Some(projected) {
                differences.push(Difference {
                    variant,
                    projected,
                    logged,
                });
            }
        }
    }
}

/// Makes the numbers of the tenant's stock what the log says, and the catalogue's flags what the numbers say then;
/// returns what differed. A variant whose log cannot be true is left alone. Buyers may go on meanwhile: what seems
/// to differ is locked, and compared again.
///
/// # Errors
/// [`ShopError::Database`], [`ShopError::BadRow`].
///
/// # Cancel safety
/// Everything that differed is corrected, or nothing.
pub async fn rebuild(
    cell: &Cell,
    tenant: &TenantContext<ReadWrite>,
) -> Result<Vec<Difference>, ShopError> {
    // The whole log is read where it keeps no buyer waiting.
    let read = async |tx: &mut CellTx<ReadOnly>| compare(tx).await;
    let seeming = cell.scope(&tenant.to_read_only(), read).await?;
    let correct = async |tx: &mut CellTx<ReadWrite>| correct(tx, &seeming).await;
    cell.scope(tenant, correct).await
}

/// Corrects those of the differences that are there still.
async fn correct(
    tx: &mut CellTx<ReadWrite>,
    seeming: &[Difference],
) -> Result<Vec<Difference>, ShopError> {
    let mut differences = Vec::new();
    // Variants come in ascending order, in which everybody locks them.
    for &Difference { variant, .. } in seeming {
        let tenant = tx.tenant().as_i64();
        let statement = tx.sql(LOCK).bind(tenant).bind(variant);
        let row: Option<StockRow> = statement.optional().await?;
        let Some(projected) = row.map(Stock::from) else {
            continue;
        };
        let logged = replay(tx, variant..=variant).await?.remove(&variant);
        let logged = logged.unwrap_or(Some(Stock::default()));
        if logged == Some(projected) {
            continue;
        }
        if let Some(stock) = logged {
            let statement = tx.sql(REBUILD).bind(tenant).bind(variant);
            let statement = statement.bind(stock.received).bind(stock.on_hand);
            let statement = statement.bind(stock.reserved).bind(stock.allocated);
            statement.bind(stock.sold).bind(stock.seq).run().await?;
        }
        differences.push(Difference {
            variant,
            projected,
            logged,
        });
    }
    let corrected: Vec<i64> = differences
        .iter()
        .filter_map(|difference| difference.logged.map(|_| difference.variant))
        .collect();
    availability::follow_variants(tx, &corrected).await?;
    Ok(differences)
}

/// What the log says of each of these variants that it tells of.
async fn replay<A: Access>(
    tx: &mut CellTx<A>,
    variants: RangeInclusive<i64>,
) -> Result<BTreeMap<i64, Option<Stock>>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let mut all = BTreeMap::new();
    let (mut variant, mut seq) = (*variants.start(), i64::MIN);
    loop {
        let statement = tx.sql(LOG).bind(tenant).bind(variant).bind(seq);
        let statement = statement.bind(*variants.end());
        let rows: Vec<(i64, i64, String, i64)> = statement.bind(PAGE as i64).all().await?;
        let Some(last) = rows.last() else {
            return Ok(all);
        };
        (variant, seq) = (last.0, last.1);
        for (variant, seq, kind, quantity) in rows {
            let stock = all.entry(variant).or_insert(Some(Stock::default()));
            *stock = stock.and_then(|stock| step(stock, seq, &kind, quantity));
        }
    }
}

/// The stock after a row of the log; `None` when that row cannot follow.
fn step(stock: Stock, seq: i64, kind: &str, quantity: i64) -> Option<Stock> {
    let kind = StockKind::from_log(kind)?;
    let after = stock.apply(StockEvent { kind, quantity }).ok()?;
    (after.seq == seq).then_some(after)
}

const STOCK: &str =
    "select variant_id, received, on_hand, reserved, allocated, sold, seq, reorder_at
    from stock where tenant_id = $1 and variant_id > $2 order by variant_id limit $3";

const LOG: &str = "select variant_id, seq, kind, quantity from stock_event
    where tenant_id = $1 and (variant_id > $2 or variant_id = $2 and seq > $3) and variant_id <= $4
    order by variant_id, seq limit $5";

const LOCK: &str = "update stock set seq = seq where tenant_id = $1 and variant_id = $2
    returning variant_id, received, on_hand, reserved, allocated, sold, seq, reorder_at";

const REBUILD: &str =
    "update stock set received = $3, on_hand = $4, reserved = $5, allocated = $6, sold = $7,
        seq = $8
    where tenant_id = $1 and variant_id = $2";
