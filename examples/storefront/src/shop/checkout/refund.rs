//! Giving money back: promised here first, then asked for at the provider, then confirmed here.

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use tenancy_core::{ReadOnly, ReadWrite, TenantContext, db::CellTx};
use tenancy_types::UnixMicros;

use super::{Checkout, CheckoutError, CheckoutKey, sweep::AT_ONCE, too_far};
use crate::{
    money::Money,
    shop::{
        ShopError, inventory,
        inventory::ReorderAlert,
        inventory::StockKind,
        order::{self, Order, OrderEvent, OrderState},
        payment::{PaymentUnknown, Refund, RefundKey},
    },
};

/// How many refunds one sweep of a tenant takes on.
const BATCH: i64 = 50;

/// What is to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The order.
    pub order: i64,
    /// Names the refund: the same key is refunded once.
    pub key: CheckoutKey,
    /// How much, in minor units; `None` is all that is left.
    pub amount: Option<i64>,
    /// Why.
    pub reason: String,
    /// Whether goods that were handed over are on hand again, when nothing of the money is left.
    pub restock: Restock,
}

/// What becomes of goods when all of an order's money is given back. Those that were not handed over are on hand
/// again, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restock {
    /// What was handed over stays away.
    #[default]
    NotHandedOver,
    /// What was handed over has come back, too.
    HandedOver,
}

/// A refund of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRefund {
    /// Its id.
    pub id: i64,
    /// The order.
    pub order: i64,
    /// How much, in minor units of the order's currency.
    pub amount: i64,
    /// Whether goods that were handed over are on hand again.
    pub restock: Restock,
    /// Where it is.
    pub state: RefundState,
}

/// Where a refund is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Promised; the provider has not confirmed it.
    Pending,
    /// The money was given back.
    Done,
    /// The provider refused.
    Refused,
}

impl Checkout {
    /// Gives money back. When all of a paid order's money is given back, it is refunded, and what was not handed
    /// over is on hand again; what was, when the last of the refunds says so. An order that cost nothing is
    /// refunded at once.
    ///
    /// # Errors
    /// [`CheckoutError::InvalidRequest`] when it is not an amount or more than is left,
    /// [`ShopError::OrderState`] when the order is not paid, [`ShopError::PaymentElsewhere`] when it was paid in
    /// the shop from which this one was copied, [`CheckoutError::IdempotencyMismatch`],
    /// [`CheckoutError::PaymentUnknown`]: it stays promised, and the same request goes on with it.
    ///
    /// # Cancel safety
    /// When the future is dropped, the refund is not begun, pending or done; the same request goes on.
    pub async fn refund(
        &self,
        tenant: &TenantContext<ReadWrite>,
        request: &RefundRequest,
    ) -> Result<OrderRefund, CheckoutError> {
        let mut tx = self.cell.begin(tenant);
        let (order, refund) = match self.promise(&mut tx, request).await {
            Ok(promised) => promised,
            Err(error) => {
                tx.rollback().await;
                return Err(error);
            }
        };
        tx.commit().await?;
        self.carry_out(tenant, &order, refund).await
    }

    /// Goes on with the tenant's refunds that are pending, up to 50 of them, several at a time, and returns how
    /// many are not any more. One about which the provider cannot say anything is left alone for a minute, and
    /// keeps no other waiting.
    ///
    /// # Errors
    /// [`ShopError`] when they cannot be read.
    ///
    /// # Cancel safety
    /// A refund is done, refused or still pending.
    pub async fn resume_refunds(
        &self,
        tenant: &TenantContext<ReadWrite>,
        now: UnixMicros,
    ) -> Result<usize, ShopError> {
        let read = async |tx: &mut CellTx<ReadOnly>| pending(tx, now).await;
        let refunds = self.cell.scope(&tenant.to_read_only(), read).await?;
        // Boxed and in a list: the compiler cannot see through the closure that a task may hold them.
        let resumed: Vec<BoxFuture<'_, bool>> = refunds
            .into_iter()
            .map(|(order, refund)| self.resume(tenant, order, refund, now).boxed())
            .collect();
        let resumed: Vec<bool> = stream::iter(resumed)
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        Ok(resumed.into_iter().filter(|done| *done).count())
    }

    /// Whether the refund is no longer pending.
    async fn resume(
        &self,
        tenant: &TenantContext<ReadWrite>,
        order: Order,
        refund: OrderRefund,
        now: UnixMicros,
    ) -> bool {
        let id = refund.id;
        match self.carry_out(tenant, &order, refund).await {
            Ok(_) => true,
            Err(error) => {
                tracing::warn!(tenant_id = %tenant.tenant(), order_id = order.id, refund_id = id,
                    error = &error as &dyn std::error::Error, "refund is not known");
                self.rest(tenant, REST_REFUND, id, now).await;
                false
            }
        }
    }

    async fn promise(
        &self,
        tx: &mut CellTx<ReadWrite>,
        request: &RefundRequest,
    ) -> Result<(Order, OrderRefund), CheckoutError> {
        let order = order::locked(tx, request.order).await?;
        if let Some(known) = by_key(tx, &request.key).await? {
            let same = known.order == order.id
                && request.amount.is_none_or(|amount| amount == known.amount);
            return if same {
                Ok((order, known))
            } else {
                Err(CheckoutError::IdempotencyMismatch)
            };
        }
        if !order.state.is_paid() {
            return Err(ShopError::OrderState { found: order.state }.into());
        }
        let left = order.totals.total - order.refunded;
        let amount = request.amount.unwrap_or(left);
        let free = order.totals.total == 0 && amount == 0;
        if !free && order.payment_key.is_elsewhere() {
            return Err(ShopError::PaymentElsewhere.into());
        }
        if !free && !(1..=left).contains(&amount) {
            return Err(CheckoutError::InvalidRequest {
                field: "amount",
                expected: format!("1 to {left} minor units").into(),
            });
        }
        let refund = OrderRefund {
            id: self.cell.ids().next(),
            order: order.id,
            amount,
            restock: request.restock,
            state: if free {
                RefundState::Done
            } else {
                RefundState::Pending
            },
        };
        let now = self.cell.ids().now();
        insert(tx, &refund, request, now).await?;
        add_refunded(tx, &refund, amount, now).await?;
        if free {
            // Pieces that come back raise no alert.
            all_given_back(tx, &order, refund.restock, now).await?;
        }
        Ok((order, refund))
    }

    pub(super) async fn carry_out(
        &self,
        tenant: &TenantContext<ReadWrite>,
        order: &Order,
        refund: OrderRefund,
    ) -> Result<OrderRefund, CheckoutError> {
        if refund.state != RefundState::Pending {
            return Ok(refund);
        }
        let key = RefundKey::of_refund(&order.payment_key, refund.id);
        let amount = Money::new(refund.amount, order.totals.currency);
        let answer = self
            .gateway
            .refund(&order.payment_key, &key, amount)
            .await?;
        let to = match answer {
            Refund::Refunded => RefundState::Done,
            Refund::Refused => RefundState::Refused,
        };
        let work = async |tx: &mut CellTx<ReadWrite>| self.confirm(tx, &refund, to).await;
        let confirmed = self.cell.scope(tenant, work).await;
        // The money may have been given back: it stays promised, and is asked for again.
        let alerts = confirmed.map_err(PaymentUnknown::new)?;
        inventory::raise(tenant.tenant(), &alerts);
        Ok(OrderRefund {
            state: to,
            ..refund
        })
    }

    /// Records what the provider said, once.
    async fn confirm(
        &self,
        tx: &mut CellTx<ReadWrite>,
        refund: &OrderRefund,
        to: RefundState,
    ) -> Result<Vec<ReorderAlert>, ShopError> {
        let now = self.cell.ids().now();
        let order = order::locked(tx, refund.order).await?;
        if !leave_pending(tx, refund, to, now).await? {
            return Ok(Vec::new());
        }
        if to == RefundState::Refused {
            add_refunded(tx, refund, -refund.amount, now).await?;
            return Ok(Vec::new());
        }
        let left = order.totals.total - order.refunded;
        if left > 0 || order::has_pending_refund(tx, order.id).await? {
            return Ok(Vec::new());
        }
        all_given_back(tx, &order, refund.restock, now).await
    }
}

/// The order is refunded, and its goods are on hand again if they are here.
async fn all_given_back(
    tx: &mut CellTx<ReadWrite>,
    order: &Order,
    restock: Restock,
    now: UnixMicros,
) -> Result<Vec<ReorderAlert>, ShopError> {
    order::transition(tx, order, OrderEvent::RefundAll, now).await?;
    let back = match (order.state, restock) {
        (OrderState::Fulfilled, Restock::NotHandedOver) => return Ok(Vec::new()),
        (OrderState::Fulfilled, Restock::HandedOver) => StockKind::Returned,
        _ => StockKind::Deallocated,
    };
    order::move_stock(tx, order, back, now).await
}

impl RefundState {
    /// Its name, in documents and in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Refused => "refused",
        }
    }

    fn from_row(name: &str) -> Result<Self, ShopError> {
        let states = [Self::Pending, Self::Done, Self::Refused];
        let state = states.into_iter().find(|state| state.as_str() == name);
        state.ok_or_else(|| ShopError::BadRow {
            column: "order_refund.state",
            source: format!("no state is called {name:?}").into(),
        })
    }
}

type RefundRow = (i64, i64, i64, i64, String);

fn read((id, order, amount, restock, state): RefundRow) -> Result<OrderRefund, ShopError> {
    Ok(OrderRefund {
        id,
        order,
        amount,
        restock: match restock {
            0 => Restock::NotHandedOver,
            _ => Restock::HandedOver,
        },
        state: RefundState::from_row(&state)?,
    })
}

async fn by_key(
    tx: &mut CellTx<ReadWrite>,
    key: &CheckoutKey,
) -> Result<Option<OrderRefund>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "select refund_id, order_id, amount, restock, state from order_refund
        where tenant_id = $1 and key = $2",
    );
    let statement = statement.bind(tenant).bind(key.as_str().to_owned());
    statement.optional().await?.map(read).transpose()
}

/// The tenant's pending refunds that may be asked about, with their orders: also those that rest so long that the
/// clock must have been ahead.
pub(super) async fn pending(
    tx: &mut CellTx<ReadOnly>,
    now: UnixMicros,
) -> Result<Vec<(Order, OrderRefund)>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "select refund_id, order_id, amount, restock, state from order_refund
        where tenant_id = $1 and state = 'pending' and (next_try <= $2 or next_try > $3)
        order by refund_id limit $4",
    );
    let statement = statement.bind(tenant).bind(now.get());
    let statement = statement.bind(too_far(now).get());
    let rows: Vec<RefundRow> = statement.bind(BATCH).all().await?;
    let mut refunds = Vec::with_capacity(rows.len());
    for row in rows {
        let refund = read(row)?;
        refunds.push((order::order_by_id(tx, refund.order).await?, refund));
    }
    Ok(refunds)
}

async fn insert(
    tx: &mut CellTx<ReadWrite>,
    refund: &OrderRefund,
    request: &RefundRequest,
    now: UnixMicros,
) -> Result<(), ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "insert into order_refund (tenant_id, refund_id, order_id, key, amount, reason, restock, state, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
    );
    let statement = statement.bind(tenant).bind(refund.id).bind(refund.order);
    let statement = statement
        .bind(request.key.as_str().to_owned())
        .bind(refund.amount)
        .bind(request.reason.clone())
        .bind(i64::from(refund.restock == Restock::HandedOver))
        .bind(refund.state.as_str().to_owned());
    statement.bind(now.get()).run().await?;
    Ok(())
}

async fn leave_pending(
    tx: &mut CellTx<ReadWrite>,
    refund: &OrderRefund,
    to: RefundState,
    now: UnixMicros,
) -> Result<bool, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "update order_refund set state = $3, updated_at = $4
        where tenant_id = $1 and refund_id = $2 and state = 'pending'",
    );
    let statement = statement.bind(tenant).bind(refund.id);
    let statement = statement.bind(to.as_str().to_owned()).bind(now.get());
    Ok(statement.run().await? == 1)
}

async fn add_refunded(
    tx: &mut CellTx<ReadWrite>,
    refund: &OrderRefund,
    amount: i64,
    now: UnixMicros,
) -> Result<(), ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "update shop_order set refunded = refunded + $3, updated_at = $4
        where tenant_id = $1 and order_id = $2",
    );
    let statement = statement.bind(tenant).bind(refund.order);
    statement.bind(amount).bind(now.get()).run().await?;
    Ok(())
}

const REST_REFUND: &str = "update order_refund set next_try = $3
    where tenant_id = $1 and refund_id = $2 and state = 'pending'";
