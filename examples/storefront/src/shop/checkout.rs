//! Buying: a basket becomes an order, once, whatever fails in between.
//!
//! ```text
//! transaction 1   the key is claimed, the basket priced, stock reserved, the order is pending
//!      │          (or: a refusal is recorded under the key, and nothing else was done)
//! provider        charges under the order's payment key; asking twice charges once
//!      │
//! transaction 2   paid and stock allocated, or declined and stock released; the answer is recorded
//! ```
//!
//! A crash, a lost client or a silent provider between the two leaves a pending order. Whoever sends the same
//! request with the same key goes on with it: the provider is asked again under the same payment key. When
//! nobody does, [`Checkout::expire_due`] asks the provider, once the order's time is over, to *void* the
//! payment: either it was made, and the order is paid, or it never will be, and the stock is free again. So
//! there is no charge without an order and no order without stock, and nobody pays twice.
//!
//! A key has one answer for good, a refusal of whatever kind included. It is recorded in the transaction that
//! makes it true.
//!
//! A basket of one line takes six statements and four, and a commit each; one that empties the shelf takes four
//! more, for the catalogue's flags.

mod answer;
mod begin;
mod close;
mod error;
mod key;
mod pricing;
mod refund;
mod request;
mod settle;
mod shelf;
mod sweep;
mod withdraw;

use std::{sync::Arc, time::Duration};

use tenancy_core::{ReadWrite, TenantContext};

use super::{
    Cell,
    order::Totals,
    payment::{AnyPaymentGateway, Bounded, Charge, PaymentUnknown},
};

pub use answer::{Answer, Document, Placed, Refused, ShortItem};
pub use error::{CheckoutError, Refusal};
pub use key::CheckoutKey;
pub use pricing::{Basket, BasketLine, FreeShipping, PricesIncludeTax, Shipping, Tax, totals};
pub use refund::{OrderRefund, RefundRequest, RefundState, Restock};
pub use request::{CheckoutRequest, MAX_LINES, MAX_QUANTITY};
pub use sweep::{
    Swept, TENANTS_WITH_DUE_ORDERS, TENANTS_WITH_OLD_KEYS, TENANTS_WITH_PENDING_REFUNDS, too_far,
};

use begin::Begun;
use settle::Outcome;

/// How long the provider may take to answer, unless said otherwise.
const PAYMENT_LIMIT: Duration = Duration::from_secs(10);
/// How long an order may be pending before it is called off.
const PENDING_LIMIT: Duration = Duration::from_mins(15);

/// Checkouts of one cell's shops. Cheap to clone.
#[derive(Clone)]
pub struct Checkout {
    cell: Cell,
    gateway: Bounded,
    shipping: Arc<dyn Shipping>,
    tax: Arc<dyn Tax>,
}

impl Checkout {
    /// Checkouts in this cell, paid through this gateway, which has 10 s for an answer. Shipping is free, and
    /// prices include tax.
    #[must_use]
    pub fn new(cell: Cell, gateway: AnyPaymentGateway) -> Self {
        Self {
            cell,
            gateway: Bounded::new(gateway, PAYMENT_LIMIT),
            shipping: Arc::new(FreeShipping),
            tax: Arc::new(PricesIncludeTax),
        }
    }

    /// Gives the provider this long for an answer.
    #[must_use]
    pub fn payment_limit(mut self, limit: Duration) -> Self {
        self.gateway = self.gateway.limit(limit);
        self
    }

    /// Lets shipping cost what this says.
    #[must_use]
    pub fn shipping(mut self, shipping: impl Shipping) -> Self {
        self.shipping = Arc::new(shipping);
        self
    }

    /// Puts this tax on top of prices.
    #[must_use]
    pub fn tax(mut self, tax: impl Tax) -> Self {
        self.tax = Arc::new(tax);
        self
    }

    /// What a basket costs with shipping and tax; `None` when that is no amount of money.
    #[must_use]
    pub fn quote(&self, basket: &Basket) -> Option<Totals> {
        totals(basket, &*self.shipping, &*self.tax)
    }

    /// Buys what the request says, or returns the answer that its key was given before.
    ///
    /// # Errors
    /// [`CheckoutError`]: there is no final answer. The same request with the same key may be sent again,
    /// except after [`IdempotencyMismatch`](CheckoutError::IdempotencyMismatch).
    ///
    /// # Cancel safety
    /// When the future is dropped, the checkout is not begun, pending or answered. The same request with the
    /// same key goes on with it; else it is called off when its time is over.
    pub async fn place(
        &self,
        tenant: &TenantContext<ReadWrite>,
        key: &CheckoutKey,
        request: &CheckoutRequest,
    ) -> Result<Answer, CheckoutError> {
        let answer = self.place_uncounted(tenant, key, request).await;
        count(&answer);
        answer
    }

    async fn place_uncounted(
        &self,
        tenant: &TenantContext<ReadWrite>,
        key: &CheckoutKey,
        request: &CheckoutRequest,
    ) -> Result<Answer, CheckoutError> {
        let order = match self.begin(tenant, key, request).await? {
            Begun::Answered(answer) => return Ok(answer),
            Begun::Pending(order) => order,
        };
        let (payment, amount) = (&order.payment_key, order.totals.amount());
        let charge = self
            .gateway
            .charge(payment, amount, request.payment_token())
            .await?;
        let outcome = match charge {
            Charge::Charged => Outcome::Paid,
            Charge::Declined => Outcome::Declined,
        };
        let settled = self.settle(tenant, &order, outcome).await;
        // Money may have moved: whatever failed here, the order is pending, and the same request goes on.
        settled.map_err(|error| PaymentUnknown::new(error).into())
    }
}

impl std::fmt::Debug for Checkout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkout")
            .field("cell", &self.cell.id())
            .finish_non_exhaustive()
    }
}

fn count(answer: &Result<Answer, CheckoutError>) {
    let outcome = match answer {
        Ok(answer) => match answer.status() {
            201 => "placed",
            402 => "declined",
            _ => "refused",
        },
        Err(CheckoutError::PaymentUnknown(_)) => "unknown",
        Err(_) => "failed",
    };
    metrics::counter!("storefront_checkouts_total", "outcome" => outcome).increment(1);
}
