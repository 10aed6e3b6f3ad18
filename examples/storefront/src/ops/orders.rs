//! A shop's orders: what was bought, and what an operator does about it.

mod model;

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use tenancy_core::{Access, ReadOnly, ReadWrite, TenantContext, db::CellTx};
use tenancy_types::TenantId;

use super::{
    Fingerprint, Kept, OpsError, ShopOps,
    audit::Noted,
    enter::{self, Entered},
    idempotency,
    tenants::{ShopName, asked, json, whole},
};
use crate::shop::{
    ShopError,
    checkout::{Checkout, CheckoutKey, RefundRequest},
    order::{self, Order, OrderState},
};

pub use model::{OrderLineView, OrderView, Orders, OrdersQuery, RefundOrder, RefundView};

/// Lists a shop's orders, the last one first.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/orders", tag = "orders",
    params(("tenant" = String, Path, description = "number or slug"), OrdersQuery),
    responses((status = 200, body = Orders), (status = 404, description = "not_found"))
)]
pub(super) async fn list(
    State(ops): State<ShopOps>,
    name: ShopName,
    query: Result<Query<OrdersQuery>, QueryRejection>,
) -> Result<Json<Orders>, OpsError> {
    let Query(query) = query.map_err(|error| OpsError::invalid(error.body_text()))?;
    let limit = usize::from(super::limit(query.limit)?.get());
    let before = query.after.unwrap_or(i64::MAX);
    let state = query.state.as_deref().map(state_named).transpose()?;
    let tenant = ops.find(&asked(name)?).await?.id;
    let Entered { cell, context } = enter::to_read(&ops, tenant, "list orders")?;
    let read = async |tx: &mut CellTx<ReadOnly>| order::orders(tx, state, before, limit).await;
    let orders = cell.scope(&context, read).await.map_err(OpsError::part)?;
    Ok(Json(Orders::new(&orders, limit)))
}

fn state_named(name: &str) -> Result<OrderState, OpsError> {
    OrderState::from_name(name).ok_or_else(|| {
        let names = OrderState::ALL.map(OrderState::as_str).join(", ");
        OpsError::invalid(format!("state is one of {names}"))
    })
}

/// Shows an order.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/orders/{order}", tag = "orders",
    params(("tenant" = String, Path, description = "number or slug"), ("order" = String, Path, description = "number or token")),
    responses((status = 200, body = OrderView), (status = 404, description = "not_found"))
)]
pub(super) async fn show(
    State(ops): State<ShopOps>,
    path: OrderPath,
) -> Result<Json<OrderView>, OpsError> {
    let (name, order) = named(path)?;
    let tenant = ops.find(&name).await?.id;
    let Entered { cell, context } = enter::to_read(&ops, tenant, "show an order")?;
    let read = async |tx: &mut CellTx<ReadOnly>| found(tx, &order).await;
    let order = cell.scope(&context, read).await.map_err(OpsError::part)?;
    Ok(Json(OrderView::from(&order)))
}

/// Notes that a paid order was handed over. One that was stays so.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/orders/{order}/fulfil", tag = "orders",
    params(
        ("tenant" = String, Path, description = "number or slug"), ("order" = String, Path, description = "number or token"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses(
        (status = 200, body = OrderView),
        (status = 404, description = "not_found"),
        (status = 409, description = "order_state: it is not paid"),
        (status = 422, description = "idempotency_mismatch"),
    )
)]
pub(super) async fn fulfil(
    State(ops): State<ShopOps>,
    path: OrderPath,
    headers: HeaderMap,
) -> Result<Response, OpsError> {
    let act = Act::new(&ops, path, &headers, "fulfil", &Bytes::new()).await?;
    let answer = act.once(async {
        let Entered { cell, context } = enter::to_write(&ops, act.tenant, "fulfil an order")?;
        let at = cell.ids().now();
        let write = async |tx: &mut CellTx<ReadWrite>| {
            let id = found(tx, &act.order).await?.id;
            order::fulfil(tx, id, at).await
        };
        let order = cell.scope(&context, write).await.map_err(OpsError::part)?;
        Ok(act.answer(&OrderView::from(&order)))
    });
    Box::pin(answer).await
}

/// Calls off an order that is not paid; its stock is free again. One that was called off stays so.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/orders/{order}/cancel", tag = "orders",
    params(
        ("tenant" = String, Path, description = "number or slug"), ("order" = String, Path, description = "number or token"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses(
        (status = 200, body = OrderView),
        (status = 404, description = "not_found"),
        (status = 409, description = "order_state: it was paid, or came to something else"),
        (status = 422, description = "idempotency_mismatch"),
        (status = 503, description = "payment_unknown: the provider cannot say whether it was paid"),
    )
)]
pub(super) async fn cancel(
    State(ops): State<ShopOps>,
    path: OrderPath,
    headers: HeaderMap,
) -> Result<Response, OpsError> {
    let act = Act::new(&ops, path, &headers, "cancel", &Bytes::new()).await?;
    let answer = act.once(async {
        let Entered { cell, context } = enter::to_write(&ops, act.tenant, "cancel an order")?;
        let read = async |tx: &mut CellTx<ReadWrite>| found(tx, &act.order).await;
        let order = cell.scope(&context, read).await.map_err(OpsError::part)?;
        let checkout = act.checkout(&context)?;
        let order = checkout.cancel(&context, order.id).await;
        Ok(act.answer(&OrderView::from(&order.map_err(OpsError::part)?)))
    });
    Box::pin(answer).await
}

/// Gives money of a paid order back: all that is left, or a part.
///
/// The `Idempotency-Key` names the refund: the same request gives it back once, also across a crash. An order
/// whose money was all given back is refunded, and its pieces are on hand again; those that were handed over only
/// with `restock`.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/orders/{order}/refund", tag = "orders", request_body = RefundOrder,
    params(
        ("tenant" = String, Path, description = "number or slug"), ("order" = String, Path, description = "number or token"),
        ("Idempotency-Key" = String, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses(
        (status = 200, body = RefundView),
        (status = 400, description = "invalid_request: also without an Idempotency-Key"),
        (status = 404, description = "not_found"),
        (status = 409, description = "order_state: it is not paid"),
        (status = 422, description = "idempotency_mismatch"),
        (status = 503, description = "payment_unknown: it is promised, and the platform goes on with it"),
    )
)]
pub(super) async fn refund(
    State(ops): State<ShopOps>,
    path: OrderPath,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, OpsError> {
    let body = whole(body)?;
    let refund: RefundOrder = json(&body)?;
    let reason = refund.reason()?;
    let act = Act::new(&ops, path, &headers, "refund", &body).await?;
    let key = act.refund_key()?;
    let noted = Noted {
        tenant: None,
        detail: refund
            .amount_minor
            .map_or_else(String::new, |amount| format!("amount={amount}")),
    };
    let answer = act.once(async {
        let Entered { cell, context } = enter::to_write(&ops, act.tenant, "refund an order")?;
        let read = async |tx: &mut CellTx<ReadWrite>| found(tx, &act.order).await;
        let order = cell.scope(&context, read).await.map_err(OpsError::part)?;
        let request = RefundRequest {
            order: order.id,
            key: key.clone(),
            amount: refund.amount_minor,
            reason: reason.clone(),
            restock: refund.restock(),
        };
        let refunded = act.checkout(&context)?.refund(&context, &request).await;
        Ok(act.answer(&RefundView::from(refunded.map_err(OpsError::part)?)))
    });
    Ok((Extension(noted), Box::pin(answer).await?).into_response())
}

/// Something that is done to an order.
struct Act<'a> {
    ops: &'a ShopOps,
    tenant: TenantId,
    /// The order's number or token.
    order: String,
    key: Option<String>,
    asked: Fingerprint,
}

impl<'a> Act<'a> {
    async fn new(
        ops: &'a ShopOps,
        path: OrderPath,
        headers: &HeaderMap,
        verb: &str,
        body: &Bytes,
    ) -> Result<Self, OpsError> {
        let (name, order) = named(path)?;
        let key = idempotency::key(headers)?;
        let tenant = ops.find(&name).await?.id;
        let operation = format!("POST /v1/tenants/{tenant}/orders/{order}/{verb}");
        Ok(Self {
            ops,
            tenant,
            order,
            key,
            asked: Fingerprint::new(&operation, blake3::hash(body)),
        })
    }

    async fn once(
        &self,
        work: impl Future<Output = Result<Kept, OpsError>>,
    ) -> Result<Response, OpsError> {
        let answer = idempotency::once(
            self.ops.idempotency.as_ref(),
            self.key.clone(),
            self.asked,
            work,
        );
        Ok(answer.await?.into_response())
    }

    fn checkout(&self, context: &TenantContext<ReadWrite>) -> Result<&'a Checkout, OpsError> {
        let checkout = self.ops.site.checkout(context.placement().cell);
        checkout.ok_or(OpsError::CellAway)
    }

    /// Money is given back once for each key, so a request without one could not be repeated.
    fn refund_key(&self) -> Result<CheckoutKey, OpsError> {
        let key = self.key.as_deref();
        let key = key.ok_or_else(|| OpsError::invalid("a refund needs an Idempotency-Key"))?;
        Ok(CheckoutKey::new(key).expect("both are 1 to 255 visible ASCII characters"))
    }

    fn answer(&self, body: &impl Serialize) -> Kept {
        let body = serde_json::to_value(body).expect("texts and numbers are JSON");
        Kept::json(StatusCode::OK, &body).of(self.tenant)
    }
}

/// The order with this number or token.
async fn found<A: Access>(tx: &mut CellTx<A>, name: &str) -> Result<Order, ShopError> {
    match name.parse() {
        Ok(id) => order::order_by_id(tx, id).await,
        Err(_) => order::order_by_token(tx, name).await,
    }
}

type OrderPath = Result<Path<(String, String)>, PathRejection>;

fn named(path: OrderPath) -> Result<(String, String), OpsError> {
    let Path(names) = path.map_err(|error| OpsError::invalid(error.body_text()))?;
    Ok(names)
}
