//! What the shop's people do to the stock of one variant.

use serde::{Deserialize, Serialize};
use tenancy_core::{
    Access, ReadWrite, TenantContext,
    db::{CellTx, DbError},
};

use super::{
    Cause, MAX_PIECES, ReorderAlert, Stock, StockEvent, StockKind, StockWrite, raise,
    read::counted, set_reorder_at, stock::Deltas,
};
use crate::shop::{Cell, ShopError};

/// What shall be done to a variant's stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockChange {
    /// The variant.
    pub variant: i64,
    /// How its pieces change.
    pub step: Option<StockStep>,
    /// Why, in a few words; may be empty.
    pub note: String,
    /// Somebody should be told when there are no more than this; the inner `None` is never. What is left out
    /// stays.
    pub reorder_at: Option<Option<i64>>,
}

/// How the pieces of a variant change. No number is beyond [`MAX_PIECES`](super::MAX_PIECES), and only
/// [`Adjust`](Self::Adjust) takes a negative one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StockStep {
    /// This many came in.
    Receive(i64),
    /// There are this many more, or fewer, than the numbers say.
    Adjust(i64),
    /// This many are on hand, whatever the numbers say.
    Count(i64),
}

/// An idempotency key with the fingerprint of what is asked with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockKey {
    /// The key.
    pub key: String,
    /// The fingerprint.
    pub fingerprint: String,
}

/// Why stock was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The key was used for another change.
    #[error("the idempotency key was used for another change")]
    IdempotencyMismatch,
    /// The shop could not do it: [`ShopError::NotFound`] when the variant is not counted,
    /// [`ShopError::InvalidRequest`] for a number that stock cannot have, also when it would be on hand together
    /// with what is there, [`ShopError::NotEnoughStock`] when fewer are on hand than are taken away.
    #[error(transparent)]
    Shop(#[from] ShopError),
}

impl From<DbError> for ChangeError {
    fn from(error: DbError) -> Self {
        Self::Shop(error.into())
    }
}

/// Changes a counted variant's stock and returns what it is then. With a key it is changed once, and later
/// requests with the key return the same: the key is recorded in the transaction of the change.
///
/// # Errors
/// [`ChangeError`]; nothing is changed then.
pub async fn change_stock(
    cell: &Cell,
    tenant: &TenantContext<ReadWrite>,
    change: &StockChange,
    key: Option<&StockKey>,
) -> Result<Stock, ChangeError> {
    let mut tx = cell.begin(tenant);
    match try_change(&mut tx, cell, change, key).await {
        Ok((stock, alerts)) => {
            tx.commit().await?;
            raise(tenant.tenant(), &alerts);
            Ok(stock)
        }
        Err(error) => {
            tx.rollback().await;
            Err(error)
        }
    }
}

async fn try_change(
    tx: &mut CellTx<ReadWrite>,
    cell: &Cell,
    change: &StockChange,
    key: Option<&StockKey>,
) -> Result<(Stock, Vec<ReorderAlert>), ChangeError> {
    possible(change)?;
    let now = cell.ids().now();
    if let Some(key) = key
        && !claimed(tx, key, now.get()).await?
    {
        return Ok((earlier(tx, key).await?, Vec::new()));
    }
    let stock = counted(tx, change.variant).await?;
    let mut after = stock.ok_or(ShopError::NotFound { what: "stock" })?;
    if let Some(reorder_at) = change.reorder_at {
        set_reorder_at(tx, change.variant, reorder_at).await?;
    }
    let mut alerts = Vec::new();
    if let Some(step) = change.step {
        let cause = Cause {
            at: now,
            order: None,
            note: change.note.clone(),
        };
        let mut write = StockWrite::new(tx, cause);
        let changed = apply(&mut write, change.variant, step).await?;
        after = changed.ok_or(ShopError::NotEnoughStock {
            variant: change.variant,
        })?;
        countable(step, &after)?;
        alerts = write.finish().await?;
    }
    if let Some(key) = key {
        answer(tx, key, &after).await?;
    }
    Ok((after, alerts))
}

/// Whether the numbers are some that stock can have.
fn possible(change: &StockChange) -> Result<(), ShopError> {
    let pieces = |kind, quantity| StockEvent { kind, quantity }.deltas();
    let step = match change.step {
        Some(StockStep::Receive(quantity)) => pieces(StockKind::Received, quantity),
        Some(StockStep::Adjust(quantity)) => pieces(StockKind::Adjusted, quantity),
        // So many are on hand, as if they had just come in.
        Some(StockStep::Count(on_hand)) => pieces(StockKind::Received, on_hand),
        None => Ok(Deltas::default()),
    };
    let reorder_at = change.reorder_at.flatten().unwrap_or(0);
    step.and_then(|_| pieces(StockKind::Received, reorder_at))
        .map_err(|impossible| ShopError::invalid("quantity", impossible.to_string()))?;
    Ok(())
}

/// Whether what came in leaves so few on hand that they can be counted.
fn countable(step: StockStep, after: &Stock) -> Result<(), ShopError> {
    let comes_in = matches!(step, StockStep::Receive(_) | StockStep::Adjust(0..));
    if comes_in && after.on_hand > MAX_PIECES {
        let message = format!("at most {MAX_PIECES} pieces can be on hand");
        return Err(ShopError::invalid("quantity", message));
    }
    Ok(())
}

async fn apply(
    write: &mut StockWrite<'_>,
    variant: i64,
    step: StockStep,
) -> Result<Option<Stock>, ShopError> {
    let (kind, quantity) = match step {
        StockStep::Receive(quantity) => (StockKind::Received, quantity),
        StockStep::Adjust(quantity) => (StockKind::Adjusted, quantity),
        StockStep::Count(on_hand) => return write.count(variant, on_hand).await,
    };
    write.apply(variant, StockEvent { kind, quantity }).await
}

/// The form in which a key keeps what came of its change.
#[derive(Deserialize, Serialize)]
struct Kept {
    received: i64,
    on_hand: i64,
    reserved: i64,
    allocated: i64,
    sold: i64,
    seq: i64,
}

impl From<&Stock> for Kept {
    fn from(stock: &Stock) -> Self {
        Self {
            received: stock.received,
            on_hand: stock.on_hand,
            reserved: stock.reserved,
            allocated: stock.allocated,
            sold: stock.sold,
            seq: stock.seq,
        }
    }
}

impl From<Kept> for Stock {
    fn from(kept: Kept) -> Self {
        Self {
            received: kept.received,
            on_hand: kept.on_hand,
            reserved: kept.reserved,
            allocated: kept.allocated,
            sold: kept.sold,
            seq: kept.seq,
        }
    }
}

/// Buyers' keys have no space in them, so none of theirs is one of these.
fn stored(key: &StockKey) -> String {
    format!("operator {}", key.key)
}

/// Whether the key is new.
async fn claimed(tx: &mut CellTx<ReadWrite>, key: &StockKey, now: i64) -> Result<bool, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(CLAIM).bind(tenant).bind(stored(key));
    let statement = statement.bind(key.fingerprint.clone());
    Ok(statement.bind(now).run().await? == 1)
}

async fn answer(
    tx: &mut CellTx<ReadWrite>,
    key: &StockKey,
    stock: &Stock,
) -> Result<(), ShopError> {
    let kept = serde_json::to_string(&Kept::from(stock)).expect("numbers are JSON");
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(ANSWER).bind(tenant).bind(stored(key));
    statement.bind(kept).run().await?;
    Ok(())
}

async fn earlier<A: Access>(tx: &mut CellTx<A>, key: &StockKey) -> Result<Stock, ChangeError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(EARLIER).bind(tenant).bind(stored(key));
    let row: Option<(String, Option<String>)> = statement.optional().await?;
    let Some((fingerprint, Some(answer))) = row else {
        return Err(unreadable("it has no answer").into());
    };
    if fingerprint != key.fingerprint {
        return Err(ChangeError::IdempotencyMismatch);
    }
    let kept: Kept = serde_json::from_str(&answer).map_err(unreadable)?;
    Ok(kept.into())
}

fn unreadable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ShopError {
    ShopError::BadRow {
        column: "checkout_key.answer",
        source: source.into(),
    }
}

const CLAIM: &str = "insert into checkout_key (tenant_id, key, fingerprint, created_at)
    values ($1, $2, $3, $4) on conflict (tenant_id, key) do nothing";

const ANSWER: &str =
    "update checkout_key set status = 200, answer = $3 where tenant_id = $1 and key = $2";

const EARLIER: &str =
    "select fingerprint, answer from checkout_key where tenant_id = $1 and key = $2";
