//! The second transaction: what the provider said becomes true here, once.

use tenancy_core::{ReadWrite, TenantContext, db::CellTx};

use super::{Answer, Checkout, Refusal};
use crate::shop::{
    ShopError,
    inventory::{self, ReorderAlert, StockKind},
    order::{self, Order, OrderEvent, OrderState},
};

/// What becomes of a pending order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The provider took the money.
    Paid,
    /// The provider declined.
    Declined,
    /// Nobody went on with it in time, and the provider will never take the money.
    Expired,
    /// The shop or the buyer called it off, and the provider will never take the money.
    Cancelled,
}

impl Outcome {
    const fn event(self) -> OrderEvent {
        match self {
            Self::Paid => OrderEvent::Pay,
            Self::Declined => OrderEvent::Decline,
            Self::Expired => OrderEvent::Expire,
            Self::Cancelled => OrderEvent::Cancel,
        }
    }

    const fn stock(self) -> StockKind {
        match self {
            Self::Paid => StockKind::Allocated,
            Self::Declined | Self::Expired | Self::Cancelled => StockKind::Released,
        }
    }
}

impl Checkout {
    /// Brings a pending order to its outcome and records the answer; one that has an outcome keeps it.
    pub(super) async fn settle(
        &self,
        tenant: &TenantContext<ReadWrite>,
        order: &Order,
        outcome: Outcome,
    ) -> Result<Answer, ShopError> {
        let work = async |tx: &mut CellTx<ReadWrite>| self.settle_in(tx, order, outcome).await;
        let (state, alerts) = self.cell.scope(tenant, work).await?;
        inventory::raise(tenant.tenant(), &alerts);
        if outcome == Outcome::Paid && !was_paid(state) {
            // Its key was voided before, and the provider said that this cannot happen.
            tracing::error!(tenant_id = %tenant.tenant(), order_id = order.id, %state,
                "the provider took money for an order that it had said will never be paid");
        }
        Ok(answer(order, state))
    }

    async fn settle_in(
        &self,
        tx: &mut CellTx<ReadWrite>,
        order: &Order,
        outcome: Outcome,
    ) -> Result<(OrderState, Vec<ReorderAlert>), ShopError> {
        let now = self.cell.ids().now();
        let event = outcome.event();
        if !order::transition(tx, order, event, now).await? {
            // Another request, or the worker, was first.
            return Ok((order::state_now(tx, order.id).await?, Vec::new()));
        }
        let alerts = order::move_stock(tx, order, outcome.stock(), now).await?;
        let state = order::next(order.state, event).expect("the transition was made");
        record(tx, order.id, &answer(order, state)).await?;
        Ok((state, alerts))
    }
}

const fn was_paid(state: OrderState) -> bool {
    matches!(
        state,
        OrderState::Paid | OrderState::Fulfilled | OrderState::Refunded
    )
}

/// What the buyer is told of an order that has come to this.
pub(super) fn answer(order: &Order, state: OrderState) -> Answer {
    match state {
        OrderState::Paid | OrderState::Fulfilled | OrderState::Refunded => Answer::placed(order),
        OrderState::Declined => Answer::refused(&Refusal::PaymentDeclined),
        OrderState::Pending | OrderState::Expired | OrderState::Cancelled => {
            Answer::refused(&Refusal::CheckoutEnded)
        }
    }
}

/// Records the answer under the key of the order.
async fn record(tx: &mut CellTx<ReadWrite>, order: i64, answer: &Answer) -> Result<(), ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(
        "update checkout_key set status = $3, answer = $4 where tenant_id = $1 and order_id = $2",
    );
    let statement = statement.bind(tenant).bind(order);
    let statement = statement.bind(i64::from(answer.status()));
    statement.bind(answer.json()).run().await?;
    Ok(())
}
