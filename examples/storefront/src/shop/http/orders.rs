//! Handlers of orders, for whoever knows an order's token.

use axum::extract::{FromRequestParts, Path, State};
use http::request::Parts;
use serde::Serialize;
use tenancy_core::{ReadOnly, TenantContext, db::CellTx};

use super::{reply::Reply, visit::Visit};
use crate::{
    pages::{OrderPage, masked, rfc3339},
    shop::{
        Cell, ShopError,
        order::{Order, order_by_token},
    },
};

/// The longest text that is looked up as a token.
const LONGEST: usize = 128;

/// An order as its buyer's programs see it.
#[derive(Debug, Serialize)]
struct OrderDocument {
    order_token: String,
    state: &'static str,
    total_minor: i64,
    currency: &'static str,
    items: Vec<ItemDocument>,
    shipping_minor: i64,
    tax_minor: i64,
    refunded_minor: i64,
    /// RFC 3339, in UTC.
    created_at: String,
    /// With its first letter and host alone: the token may have been passed on.
    email: String,
}

#[derive(Debug, Serialize)]
struct ItemDocument {
    variant_id: String,
    title: String,
    /// Option values, joined; as they were when it was ordered.
    options: String,
    quantity: i64,
    price_minor: i64,
}

pub(super) async fn api(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    Token(token): Token,
) -> Result<Reply, ShopError> {
    let read = async |tx: &mut CellTx<ReadOnly>| order_by_token(tx, &token).await;
    let order = cell.scope(&tenant, read).await?;
    Ok(Reply::private_json(&OrderDocument::from(order)))
}

pub(super) async fn page(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    Token(token): Token,
) -> Result<Reply, ShopError> {
    let read = async |tx: &mut CellTx<ReadOnly>| {
        let order = order_by_token(tx, &token).await?;
        let visit = Visit::begin(tx).await?;
        Ok(OrderPage::new(visit.frame(), &order))
    };
    Reply::private_page(&cell.scope(&tenant, read).await?)
}

/// The token in an address. What cannot be one leads nowhere, like one that no order has.
#[derive(Debug)]
pub(super) struct Token(String);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = ShopError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ShopError> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(token)) if is_token(&token) => Ok(Self(token)),
            _ => Err(ShopError::NotFound { what: "order" }),
        }
    }
}

fn is_token(text: &str) -> bool {
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl From<Order> for OrderDocument {
    fn from(order: Order) -> Self {
        let items = order.lines.into_iter().map(|line| ItemDocument {
            variant_id: line.variant.to_string(),
            title: line.title,
            options: line.options,
            quantity: line.quantity,
            price_minor: line.unit_price,
        });
        Self {
            order_token: order.token,
            state: order.state.as_str(),
            total_minor: order.totals.total,
            currency: order.totals.currency.code(),
            items: items.collect(),
            shipping_minor: order.totals.shipping,
            tax_minor: order.totals.tax,
            refunded_minor: order.refunded,
            created_at: rfc3339(order.created_at),
            email: masked(&order.email),
        }
    }
}
