//! Ending all that is open with the provider, for a shop that is closed.

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream};
use tenancy_core::{ReadOnly, ReadWrite, TenantContext, db::CellTx};
use tenancy_types::UnixMicros;

use super::{Checkout, refund, settle::Outcome, sweep::AT_ONCE};
use crate::shop::{
    ShopError,
    order::{self, Order, OrderState},
};

/// Everything may be asked about by then.
const END_OF_TIME: UnixMicros = UnixMicros::new(i64::MAX);

/// How many orders are read at a time.
const BATCH: usize = 50;

impl Checkout {
    /// Ends what the tenant has open with the provider, whether its time is over or not: pending orders are
    /// paid or called off, promised refunds are asked for again. Returns how many of both stay open, because
    /// the provider cannot say.
    ///
    /// What is left alone for a minute is asked about, too, and nothing is left alone for its sake: a shop that
    /// is resumed finds its work as it was.
    ///
    /// # Errors
    /// [`ShopError`]; what was done until then stays done.
    ///
    /// # Cancel safety
    /// An order, or a refund, is ended or still pending.
    pub async fn settle_all(&self, tenant: &TenantContext<ReadWrite>) -> Result<u64, ShopError> {
        let mut before = i64::MAX;
        loop {
            let read = async |tx: &mut CellTx<ReadOnly>| {
                order::orders(tx, Some(OrderState::Pending), before, BATCH).await
            };
            let orders = self.cell.scope(&tenant.to_read_only(), read).await?;
            let Some(last) = orders.last() else { break };
            before = last.id;
            self.end_all(tenant, &orders).await;
        }
        while self.refund_all(tenant).await? > 0 {}
        let count = async |tx: &mut CellTx<ReadOnly>| open(tx).await;
        self.cell.scope(&tenant.to_read_only(), count).await
    }

    async fn end_all(&self, tenant: &TenantContext<ReadWrite>, orders: &[Order]) {
        // Boxed and in a list: the compiler cannot see through the closure that a task may hold them.
        let ends: Vec<BoxFuture<'_, ()>> = orders
            .iter()
            .map(|order| self.end_one(tenant, order).boxed())
            .collect();
        stream::iter(ends)
            .buffer_unordered(AT_ONCE)
            .collect::<()>()
            .await;
    }

    async fn end_one(&self, tenant: &TenantContext<ReadWrite>, order: &Order) {
        if let Err(error) = self.end(tenant, order, Outcome::Expired).await {
            tracing::warn!(tenant_id = %tenant.tenant(), order_id = order.id,
                error = &error as &dyn std::error::Error, "payment of a closing shop's order is not known");
        }
    }

    /// Asks for the first of the tenant's pending refunds again, and returns how many are no longer pending.
    async fn refund_all(&self, tenant: &TenantContext<ReadWrite>) -> Result<usize, ShopError> {
        let read = async |tx: &mut CellTx<ReadOnly>| refund::pending(tx, END_OF_TIME).await;
        let mut done = 0;
        for (order, refund) in self.cell.scope(&tenant.to_read_only(), read).await? {
            let id = refund.id;
            match self.carry_out(tenant, &order, refund).await {
                Ok(_) => done += 1,
                Err(error) => {
                    tracing::warn!(tenant_id = %tenant.tenant(), order_id = order.id, refund_id = id,
                        error = &error as &dyn std::error::Error, "refund of a closing shop is not known");
                }
            }
        }
        Ok(done)
    }
}

/// How many orders and refunds are pending.
async fn open(tx: &mut CellTx<ReadOnly>) -> Result<u64, ShopError> {
    let tenant = tx.tenant().as_i64();
    let mut open = 0;
    for select in [
        "select count(*) from shop_order where tenant_id = $1 and state = 'pending'",
        "select count(*) from order_refund where tenant_id = $1 and state = 'pending'",
    ] {
        let row: Option<(i64,)> = tx.sql(select).bind(tenant).optional().await?;
        open += row.map_or(0, |(count,)| count.unsigned_abs());
    }
    Ok(open)
}
