use tenancy_core::{ReadWrite, db::CellTx};
use tenancy_types::UnixMicros;

use super::{Stock, StockEvent, StockKind, availability, read::StockRow};
use crate::shop::ShopError;

/// Changes stock within a transaction: each event is one conditional update and one row of the log.
///
/// Variants are changed in ascending order, by everybody: two transactions that hold what the other one needs
/// would wait for each other for ever. What [`finish`](Self::finish) does belongs to the changes.
#[derive(Debug)]
pub struct StockWrite<'t> {
    tx: &'t mut CellTx<ReadWrite>,
    cause: Cause,
    /// Variants of which there are none any more, or some again.
    crossed: Vec<i64>,
    alerts: Vec<ReorderAlert>,
}

/// Why and when stock changes, as the log tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// When.
    pub at: UnixMicros,
    /// The order because of which it changes.
    pub order: Option<i64>,
    /// Why, in a few words.
    pub note: String,
}

/// A variant whose stock has just fallen to where more should be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReorderAlert {
    /// The variant.
    pub variant: i64,
    /// How many are left.
    pub on_hand: i64,
    /// More should be ordered when there are no more than this.
    pub reorder_at: i64,
}

impl<'t> StockWrite<'t> {
    /// Changes for this cause.
    pub fn new(tx: &'t mut CellTx<ReadWrite>, cause: Cause) -> Self {
        Self {
            tx,
            cause,
            crossed: Vec::new(),
            alerts: Vec::new(),
        }
    }

    /// Applies an event to a variant's stock. `None` when it cannot happen to the stock as it is, or there is
    /// no stock of this variant; nothing is changed then.
    ///
    /// # Errors
    /// [`ShopError::Database`].
    pub async fn apply(
        &mut self,
        variant: i64,
        event: StockEvent,
    ) -> Result<Option<Stock>, ShopError> {
        let Ok(deltas) = event.deltas() else {
            return Ok(None);
        };
        let tenant = self.tx.tenant().as_i64();
        let statement = self.tx.sql(APPLY).bind(tenant).bind(variant);
        let statement = statement.bind(deltas.received).bind(deltas.on_hand);
        let statement = statement.bind(deltas.reserved).bind(deltas.allocated);
        let row: Option<StockRow> = statement.bind(deltas.sold).optional().await?;
        let Some(row) = row else { return Ok(None) };
        self.log(variant, row.seq, event).await?;
        self.watch(variant, &row, deltas.on_hand);
        Ok(Some(row.into()))
    }

    /// Begins to count a variant of which there are so many. When somebody else has begun a moment ago, it is
    /// counted anew.
    ///
    /// # Errors
    /// [`ShopError::Database`].
    pub async fn open(&mut self, variant: i64, quantity: i64) -> Result<(), ShopError> {
        let tenant = self.tx.tenant().as_i64();
        let statement = self.tx.sql(OPEN).bind(tenant);
        let opened = statement.bind(variant).bind(quantity).run().await?;
        if opened == 0 {
            return self.count(variant, quantity).await.map(drop);
        }
        let event = StockEvent {
            kind: StockKind::Received,
            quantity,
        };
        self.log(variant, 1, event).await?;
        self.crossed.push(variant);
        Ok(())
    }

    /// Corrects a variant's stock so that this many are on hand. `None` when there is no stock of it.
    ///
    /// # Errors
    /// [`ShopError::Database`].
    pub async fn count(&mut self, variant: i64, on_hand: i64) -> Result<Option<Stock>, ShopError> {
        let tenant = self.tx.tenant().as_i64();
        // Nobody else changes it between this statement and the next.
        let statement = self.tx.sql(LOCK).bind(tenant).bind(variant);
        let row: Option<StockRow> = statement.optional().await?;
        let Some(row) = row else { return Ok(None) };
        let event = StockEvent {
            kind: StockKind::Adjusted,
            quantity: on_hand - row.on_hand,
        };
        self.apply(variant, event).await
    }

    /// The alerts alone, for those who bring the catalogue's flags to what the stock says themselves.
    pub(in crate::shop) fn into_alerts(self) -> Vec<ReorderAlert> {
        self.alerts
    }

    /// Shows in the catalogue what has run out, and what is there again.
    ///
    /// # Errors
    /// [`ShopError::Database`].
    pub async fn finish(self) -> Result<Vec<ReorderAlert>, ShopError> {
        if !self.crossed.is_empty() {
            availability::follow_variants(self.tx, &self.crossed).await?;
        }
        Ok(self.alerts)
    }

    async fn log(&mut self, variant: i64, seq: i64, event: StockEvent) -> Result<(), ShopError> {
        let tenant = self.tx.tenant().as_i64();
        let statement = self.tx.sql(LOG).bind(tenant).bind(variant).bind(seq);
        let statement = statement.bind(event.kind.as_str().to_owned());
        let statement = statement.bind(event.quantity).bind(self.cause.order);
        let statement = statement.bind(self.cause.note.clone());
        statement.bind(self.cause.at.get()).run().await?;
        Ok(())
    }

    fn watch(&mut self, variant: i64, after: &StockRow, delta: i64) {
        let before = after.on_hand - delta;
        if (before == 0) != (after.on_hand == 0) {
            self.crossed.push(variant);
        }
        if let Some(reorder_at) = after.reorder_at
            && before > reorder_at
            && after.on_hand <= reorder_at
        {
            self.alerts.push(ReorderAlert {
                variant,
                on_hand: after.on_hand,
                reorder_at,
            });
        }
    }
}

/// Logs and counts alerts of a transaction that was committed.
pub fn raise(tenant: tenancy_types::TenantId, alerts: &[ReorderAlert]) {
    for alert in alerts {
        tracing::info!(tenant_id = %tenant, variant_id = alert.variant, on_hand = alert.on_hand,
            reorder_at = alert.reorder_at, "stock is low");
        metrics::counter!("storefront_reorder_alerts_total").increment(1);
    }
}

const APPLY: &str = "update stock set received = received + $3, on_hand = on_hand + $4,
        reserved = reserved + $5, allocated = allocated + $6, sold = sold + $7, seq = seq + 1
    where tenant_id = $1 and variant_id = $2 and received + $3 >= 0 and on_hand + $4 >= 0
        and reserved + $5 >= 0 and allocated + $6 >= 0 and sold + $7 >= 0
    returning variant_id, received, on_hand, reserved, allocated, sold, seq, reorder_at";

const OPEN: &str =
    "insert into stock (tenant_id, variant_id, received, on_hand, reserved, allocated, sold, seq)
    values ($1, $2, $3, $3, 0, 0, 0, 1) on conflict (tenant_id, variant_id) do nothing";

const LOCK: &str = "update stock set seq = seq where tenant_id = $1 and variant_id = $2
    returning variant_id, received, on_hand, reserved, allocated, sold, seq, reorder_at";

const LOG: &str =
    "insert into stock_event (tenant_id, variant_id, seq, kind, quantity, order_id, note, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)";
