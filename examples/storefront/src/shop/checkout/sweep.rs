//! What a worker does for checkouts: end those that nobody goes on with, and forget old answers.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use tenancy_core::{ReadOnly, ReadWrite, TenantContext, db::CellTx};
use tenancy_types::UnixMicros;

use super::{Answer, Checkout, CheckoutError, PENDING_LIMIT, settle::Outcome};
use crate::shop::{
    ShopError,
    order::{self, Order, OrderState},
    payment::{PaymentUnknown, Voided},
};

// The searches name the tenant with a sign, `+tenant_id`, which keeps the databases from walking the primary key
// of a large table instead of the index that has only what is searched for. A tenant may come more than once. Two
// halves of a union find both ends of an index; with an `or`, SQLite would not use one that has a condition.

/// Which tenants have pending orders whose time is over at `$1`, or further away than `$3`, of those with numbers
/// above `$2`.
pub const TENANTS_WITH_DUE_ORDERS: &str = "select tenant_id from shop_order
        where state = 'pending' and expires_at <= $1 and +tenant_id > $2
    union all select tenant_id from shop_order
        where state = 'pending' and expires_at > $3 and +tenant_id > $2";

/// Which tenants have refunds that the provider has not confirmed and is to be asked about at `$1`, or only after
/// `$3`, of those with numbers above `$2`.
pub const TENANTS_WITH_PENDING_REFUNDS: &str = "select tenant_id from order_refund
        where state = 'pending' and next_try <= $1 and +tenant_id > $2
    union all select tenant_id from order_refund
        where state = 'pending' and next_try > $3 and +tenant_id > $2";

/// Which tenants have answers to checkouts from before `$1`, of those with numbers above `$2`.
pub const TENANTS_WITH_OLD_KEYS: &str = "select tenant_id from checkout_key
    where status is not null and created_at < $1 and +tenant_id > $2";

/// How many orders one sweep of a tenant takes on.
const BATCH: usize = 50;
/// How many questions to the provider are on their way at a time, so that one that hangs keeps few others waiting.
pub(super) const AT_ONCE: usize = 8;
/// How long what the provider could not say is not asked about again, so that the others have their turn.
const REST: Duration = Duration::from_mins(1);
/// No order whose time ends after this, and no refund that rests until after it, was noted by a clock that showed
/// what it shows now: the clock was ahead, and what it noted is due. Twice the time that an order has, since a clock
/// that is set back a little must end no payment under way; the provider decides about it in any case.
#[must_use]
pub fn too_far(now: UnixMicros) -> UnixMicros {
    let far = i64::try_from(PENDING_LIMIT.as_micros()).expect("minutes fit") * 2;
    UnixMicros::new(now.get().saturating_add(far))
}

/// How many answers one visit to a tenant forgets.
const KEYS_BATCH: i64 = 1_000;

/// What a sweep came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Orders that had been paid.
    pub paid: u32,
    /// Orders that were called off.
    pub ended: u32,
    /// Orders of which the provider could not say what became of them; they stay pending.
    pub unknown: u32,
}

impl Checkout {
    /// How long the answer to a key is kept: longer than a cart, whose page has the key of its purchase.
    pub const KEYS_KEPT: Duration = Duration::from_hours(40 * 24);

    /// Ends the tenant's pending orders whose time is over, up to 50 of them, several at a time: also those whose
    /// time ends so late that the clock must have been ahead. One of which the provider cannot say what became is
    /// left alone for a minute, and keeps no other waiting.
    ///
    /// # Errors
    /// [`ShopError`] when they cannot be read.
    ///
    /// # Cancel safety
    /// An order is ended or still pending.
    pub async fn expire_due(
        &self,
        tenant: &TenantContext<ReadWrite>,
        now: UnixMicros,
    ) -> Result<Swept, ShopError> {
        let read =
            async |tx: &mut CellTx<ReadOnly>| order::overdue(tx, now, too_far(now), BATCH).await;
        let orders = self.cell.scope(&tenant.to_read_only(), read).await?;
        // Boxed and in a list: the compiler cannot see through the closure that a task may hold them.
        let ends: Vec<BoxFuture<'_, Swept>> = orders
            .iter()
            .map(|order| self.expire(tenant, order, now).boxed())
            .collect();
        let swept: Vec<Swept> = stream::iter(ends).buffer_unordered(AT_ONCE).collect().await;
        let swept = swept.into_iter().fold(Swept::default(), Swept::and);
        swept.count();
        Ok(swept)
    }

    async fn expire(
        &self,
        tenant: &TenantContext<ReadWrite>,
        order: &Order,
        now: UnixMicros,
    ) -> Swept {
        let mut swept = Swept::default();
        match self.end(tenant, order, Outcome::Expired).await {
            Ok(answer) if answer.is_placed() => swept.paid = 1,
            Ok(_) => swept.ended = 1,
            Err(error) => {
                tracing::warn!(tenant_id = %tenant.tenant(), order_id = order.id,
                    error = &error as &dyn std::error::Error, "payment of an overdue order is not known");
                self.rest(tenant, REST_ORDER, order.id, now).await;
                swept.unknown = 1;
            }
        }
        swept
    }

    /// Leaves alone for a while what the provider could not say anything about.
    pub(super) async fn rest(
        &self,
        tenant: &TenantContext<ReadWrite>,
        statement: &'static str,
        id: i64,
        now: UnixMicros,
    ) {
        let rest = i64::try_from(REST.as_micros()).expect("minutes fit");
        let until = now.get().saturating_add(rest);
        let write = async |tx: &mut CellTx<ReadWrite>| {
            let tenant = tx.tenant().as_i64();
            let statement = tx.sql(statement).bind(tenant).bind(id).bind(until);
            Ok(statement.run().await?)
        };
        if let Err(error) = self.cell.scope(tenant, write).await {
            // Nothing is lost: it is only asked about again sooner.
            tracing::warn!(tenant_id = %tenant.tenant(), id,
                error = &error as &dyn std::error::Error, "a next try could not be put off");
        }
    }

    /// Calls off an order that is not paid. One that is called off already stays so.
    ///
    /// # Errors
    /// [`CheckoutError::PaymentUnknown`] while the provider cannot say
    /// whether it was paid; [`ShopError::OrderState`] when it was, or has come to something else;
    /// [`ShopError::NotFound`].
    pub async fn cancel(
        &self,
        tenant: &TenantContext<ReadWrite>,
        order: i64,
    ) -> Result<Order, CheckoutError> {
        let read = async |tx: &mut CellTx<ReadWrite>| order::order_by_id(tx, order).await;
        let found = self.cell.scope(tenant, read).await?;
        if found.state == OrderState::Pending {
            self.end(tenant, &found, Outcome::Cancelled).await?;
        }
        let found = self.cell.scope(tenant, read).await?;
        match found.state {
            OrderState::Cancelled => Ok(found),
            found => Err(ShopError::OrderState { found }.into()),
        }
    }

    /// Asks the provider to void the payment, and settles the order by what it says: paid, or `unpaid`.
    pub(super) async fn end(
        &self,
        tenant: &TenantContext<ReadWrite>,
        order: &Order,
        unpaid: Outcome,
    ) -> Result<Answer, CheckoutError> {
        let outcome = match self.gateway.void(&order.payment_key).await? {
            Voided::Charged => Outcome::Paid,
            Voided::Never => unpaid,
        };
        let settled = self.settle(tenant, order, outcome).await;
        settled.map_err(|error| PaymentUnknown::new(error).into())
    }

    /// Forgets the tenant's answers to checkouts that are older than [`KEYS_KEPT`](Self::KEYS_KEPT), up to
    /// 1,000 of them, and returns how many. A key without an answer is kept.
    ///
    /// # Errors
    /// [`ShopError::Database`].
    pub async fn forget_keys(
        &self,
        tenant: &TenantContext<ReadWrite>,
        now: UnixMicros,
    ) -> Result<u64, ShopError> {
        let forget = async |tx: &mut CellTx<ReadWrite>| {
            let tenant = tx.tenant().as_i64();
            let statement = tx.sql(
                "delete from checkout_key where tenant_id = $1 and key in (
                    select key from checkout_key
                    where tenant_id = $1 and created_at < $2 and status is not null
                    order by created_at limit $3)",
            );
            let before = Self::keys_kept_since(now).get();
            let statement = statement.bind(tenant).bind(before);
            Ok(statement.bind(KEYS_BATCH).run().await?)
        };
        self.cell.scope(tenant, forget).await
    }

    /// From when on answers are kept.
    #[must_use]
    pub fn keys_kept_since(now: UnixMicros) -> UnixMicros {
        let kept = i64::try_from(Self::KEYS_KEPT.as_micros()).expect("days fit");
        UnixMicros::new(now.get() - kept)
    }
}

impl Swept {
    const fn and(self, other: Self) -> Self {
        Self {
            paid: self.paid + other.paid,
            ended: self.ended + other.ended,
            unknown: self.unknown + other.unknown,
        }
    }

    fn count(self) {
        for (outcome, orders) in [
            ("paid", self.paid),
            ("ended", self.ended),
            ("unknown", self.unknown),
        ] {
            metrics::counter!("storefront_overdue_orders_total", "outcome" => outcome)
                .increment(orders.into());
        }
    }
}

const REST_ORDER: &str = "update shop_order set next_try = $3
    where tenant_id = $1 and order_id = $2 and state = 'pending'";
