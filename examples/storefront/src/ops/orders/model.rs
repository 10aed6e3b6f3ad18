//! The JSON of orders.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    ops::OpsError,
    shop::{
        checkout::{OrderRefund, Restock},
        order::{Order, OrderLine},
    },
};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 255;

/// Which page of a shop's orders.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrdersQuery {
    /// Only those in this state: `pending`, `paid`, `declined`, `expired`, `cancelled`, `fulfilled`, `refunded`.
    pub state: Option<String>,
    /// How many at most: 1 to 1000, without it 100.
    pub limit: Option<u16>,
    /// Only orders that were made before the one with this number.
    pub after: Option<i64>,
}

/// An order. Amounts are in minor units of its currency, times in microseconds since 1970 UTC.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct OrderView {
    /// Its number: a text, since it has 63 bits.
    pub order_id: String,
    /// What its page is found by. Whoever has it sees the page.
    pub token: String,
    /// Where it is in its life.
    pub state: String,
    /// The buyer's address.
    pub email: String,
    /// ISO 4217 code of its currency.
    pub currency: String,
    /// All lines.
    pub items_minor: i64,
    /// Shipping.
    pub shipping_minor: i64,
    /// Tax that comes on top; 0 when prices include it.
    pub tax_minor: i64,
    /// The sum.
    pub total_minor: i64,
    /// What was given back or is promised to be.
    pub refunded_minor: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
    /// From when on it is called off when it is still pending.
    pub expires_at: i64,
    /// What was bought.
    pub lines: Vec<OrderLineView>,
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> Self {
        Self {
            order_id: order.id.to_string(),
            token: order.token.clone(),
            state: order.state.as_str().to_owned(),
            email: order.email.clone(),
            currency: order.totals.currency.code().to_owned(),
            items_minor: order.totals.items,
            shipping_minor: order.totals.shipping,
            tax_minor: order.totals.tax,
            total_minor: order.totals.total,
            refunded_minor: order.refunded,
            created_at: order.created_at.get(),
            updated_at: order.updated_at.get(),
            expires_at: order.expires_at.get(),
            lines: order.lines.iter().map(OrderLineView::from).collect(),
        }
    }
}

/// One thing of an order, as it was when it was ordered.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct OrderLineView {
    /// Which variant: a text, since it has 63 bits. It may have gone since.
    pub variant_id: String,
    /// The product's title.
    pub title: String,
    /// The variant's option values, joined by ` / `.
    pub options: String,
    /// The merchant's number; may be empty.
    pub sku: String,
    /// What one cost.
    pub unit_price_minor: i64,
    /// How many were bought.
    pub quantity: i64,
    /// How many of them were taken from stock.
    pub from_stock: i64,
}

impl From<&OrderLine> for OrderLineView {
    fn from(line: &OrderLine) -> Self {
        Self {
            variant_id: line.variant.to_string(),
            title: line.title.clone(),
            options: line.options.clone(),
            sku: line.sku.clone(),
            unit_price_minor: line.unit_price,
            quantity: line.quantity,
            from_stock: line.from_stock,
        }
    }
}

/// A page of orders, the last one first.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Orders {
    /// The orders.
    pub orders: Vec<OrderView>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<String>,
}

impl Orders {
    pub(super) fn new(orders: &[Order], limit: usize) -> Self {
        let last = orders.last().filter(|_| orders.len() == limit);
        Self {
            next: last.map(|order| order.id.to_string()),
            orders: orders.iter().map(OrderView::from).collect(),
        }
    }
}

/// What to give back.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundOrder {
    /// How much; without it, all that is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_minor: Option<i64>,
    /// Why, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether goods that were handed over have come back, when nothing of the money is left; without it, no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restock: Option<bool>,
}

impl RefundOrder {
    pub(super) fn restock(&self) -> Restock {
        match self.restock {
            Some(true) => Restock::HandedOver,
            _ => Restock::NotHandedOver,
        }
    }

    pub(super) fn reason(&self) -> Result<String, OpsError> {
        let reason = self.reason.clone().unwrap_or_default();
        if reason.chars().count() > LONGEST_REASON || reason.chars().any(char::is_control) {
            let message = format!("reason is one line of at most {LONGEST_REASON} characters");
            return Err(OpsError::invalid(message));
        }
        Ok(reason)
    }
}

/// Money that was given back.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct RefundView {
    /// Its number: a text, since it has 63 bits.
    pub refund_id: String,
    /// The order.
    pub order_id: String,
    /// How much.
    pub amount_minor: i64,
    /// `done`, or `refused` by the provider.
    pub state: String,
}

impl From<OrderRefund> for RefundView {
    fn from(refund: OrderRefund) -> Self {
        Self {
            refund_id: refund.id.to_string(),
            order_id: refund.order.to_string(),
            amount_minor: refund.amount,
            state: refund.state.as_str().to_owned(),
        }
    }
}
