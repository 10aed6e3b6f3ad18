//! What a worker does for checkouts: end those that nobody goes on with, and forget old answers.

use std::time::Duration;

use tenancy_core::{ReadWrite, TenantContext, db::CellTx};
use tenancy_types::UnixMicros;

use super::{Answer, Checkout, CheckoutError, settle::Outcome};
use crate::shop::{
    ShopError,
    order::{self, Order, OrderState},
    payment::{PaymentUnknown, Voided},
};

/// Which tenants have pending orders whose time is over at `$1`.
pub const TENANTS_WITH_DUE_ORDERS: &str =
    "select distinct tenant_id from shop_order where state = 'pending' and expires_at <= $1";

/// Which tenants have refunds that the provider has not confirmed.
pub const TENANTS_WITH_PENDING_REFUNDS: &str =
    "select distinct tenant_id from order_refund where state = 'pending'";

/// Which tenants have answers to checkouts from before `$1`.
pub const TENANTS_WITH_OLD_KEYS: &str =
    "select distinct tenant_id from checkout_key where created_at < $1 and status is not null";

/// How many orders one sweep of a tenant takes on.
const BATCH: usize = 50;
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

    /// Ends the tenant's pending orders whose time is over, up to 50 of them.
    ///
    /// # Errors
    /// [`ShopError`]; what was done until then stays done.
    ///
    /// # Cancel safety
    /// An order is ended or still pending.
    pub async fn expire_due(
        &self,
        tenant: &TenantContext<ReadWrite>,
        now: UnixMicros,
    ) -> Result<Swept, ShopError> {
        let read = async |tx: &mut CellTx<ReadWrite>| order::overdue(tx, now, BATCH).await;
        let orders = self.cell.scope(tenant, read).await?;
        let mut swept = Swept::default();
        for order in orders {
            match self.end(tenant, &order, Outcome::Expired).await {
                Ok(answer) if answer.is_placed() => swept.paid += 1,
                Ok(_) => swept.ended += 1,
                Err(error) => {
                    tracing::warn!(tenant_id = %tenant.tenant(), order_id = order.id,
                        error = &error as &dyn std::error::Error, "payment of an overdue order is not known");
                    swept.unknown += 1;
                }
            }
        }
        swept.count();
        Ok(swept)
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
