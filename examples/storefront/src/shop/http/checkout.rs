//! Handlers that buy.
//!
//! The form on the cart's page sends exactly what the page showed: variants and quantities, the total, and the
//! cart's key (see [`cart`]). So it is one request like that of a program: sent again, it has the same answer,
//! and a cart that was changed in another window changes nothing of it.
//!
//! An answer that ended the attempt gives the cart a new version, and an order takes out of it what was
//! bought. A crash before that loses nothing: the cart still shows the same key, and its form leads to the
//! same answer.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header::RETRY_AFTER};
use serde::Deserialize;
use tenancy_core::{ReadOnly, ReadWrite, TenantContext, db::CellTx};
use tenancy_types::{Problem, retry_after};

use super::{
    body::{Form, Json},
    cart::{page, proven, see, whole},
    cookie::CartCookie,
    key::RequestKey,
    reply::Reply,
    shops::Shops,
    variant_id::VariantId,
};
use crate::{
    platform::finished,
    shop::{
        ShopError,
        cart::{self, CartSecret},
        checkout::{Answer, CheckoutError, CheckoutKey, CheckoutRequest, Document},
        search::Given,
    },
};

/// What a program sends to buy.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckoutDocument {
    items: Vec<ItemDocument>,
    email: String,
    payment_token: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemDocument {
    variant_id: VariantId,
    quantity: i64,
}

/// Buys for a program. Runs to its end although the program goes away meanwhile.
pub(super) async fn api(
    State(shops): State<Shops>,
    tenant: TenantContext<ReadWrite>,
    RequestKey(key): RequestKey,
    Json(asked): Json<CheckoutDocument>,
) -> Result<Reply, CheckoutError> {
    let items = asked
        .items
        .iter()
        .map(|item| (item.variant_id.0, item.quantity));
    let request = CheckoutRequest::new(items, &asked.email, &asked.payment_token)?;
    let checkout = shops.checkout;
    let answer = finished(async move { checkout.place(&tenant, &key, &request).await });
    Ok(Reply::answer(&answer.await?))
}

/// Buys for a browser, and leads it to the order, or back to its cart. Runs to its end although the browser
/// goes away meanwhile.
pub(super) async fn form(
    State(shops): State<Shops>,
    tenant: TenantContext<ReadWrite>,
    CartCookie(secret): CartCookie,
    Form(form): Form,
) -> Result<Response, ShopError> {
    let purchase = Purchase {
        secret: proven(secret, tenant.tenant(), &form)?,
        sent: Sent::read(&form)?,
        shops,
        tenant,
    };
    finished(purchase.make()).await
}

/// What the form on the cart's page sends.
#[derive(Debug)]
struct Sent {
    key: CheckoutKey,
    version: i64,
    items: Vec<(i64, i64)>,
    total_minor: i64,
    email: String,
    payment_token: String,
}

impl Sent {
    fn read(form: &Given) -> Result<Self, ShopError> {
        let number =
            |name| whole(form, name)?.ok_or_else(|| ShopError::invalid(name, "it is missing"));
        let key = form.filter("key")?.and_then(|key| CheckoutKey::new(&key));
        let items: Option<Vec<_>> = form.values("item").map(item).collect();
        Ok(Self {
            key: key.ok_or_else(|| ShopError::invalid("key", "it is missing"))?,
            version: number("version")?,
            items: items.ok_or_else(|| ShopError::invalid("item", "it is not VARIANT:QUANTITY"))?,
            total_minor: number("total_minor")?,
            email: form.text("email", 320)?.unwrap_or_default(),
            payment_token: form.filter("payment_token")?.unwrap_or_default(),
        })
    }

    fn request(&self) -> Result<CheckoutRequest, CheckoutError> {
        let items = self.items.iter().copied();
        let request = CheckoutRequest::new(items, &self.email, &self.payment_token)?;
        Ok(request.expected_total(self.total_minor))
    }
}

fn item(text: &str) -> Option<(i64, i64)> {
    let (variant, quantity) = text.split_once(':')?;
    Some((variant.parse().ok()?, quantity.parse().ok()?))
}

/// One attempt to buy what a cart's page showed.
#[derive(Debug)]
struct Purchase {
    shops: Shops,
    tenant: TenantContext<ReadWrite>,
    secret: CartSecret,
    sent: Sent,
}

impl Purchase {
    async fn make(self) -> Result<Response, ShopError> {
        let answer = match self.sent.request() {
            Ok(request) => {
                let Self { tenant, sent, .. } = &self;
                self.shops.checkout.place(tenant, &sent.key, &request).await
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) => self.answered(&answer).await,
            Err(CheckoutError::Shop(error)) => Err(error),
            Err(error) => self.unanswered(&error).await,
        }
    }

    /// The cart follows the answer, and the browser too.
    async fn answered(&self, answer: &Answer) -> Result<Response, ShopError> {
        let now = self.shops.cell.ids().now();
        let Self { secret, sent, .. } = self;
        match answer.document() {
            Document::Placed(placed) => {
                let write = async |tx: &mut CellTx<ReadWrite>| {
                    cart::take_out(tx, now, secret, sent.version).await
                };
                self.shops.cell.scope(&self.tenant, write).await?;
                Ok(see(&format!("/orders/{}", placed.order_token), secret))
            }
            Document::Refused { error } => {
                let write = async |tx: &mut CellTx<ReadWrite>| cart::renew(tx, now, secret).await;
                self.shops.cell.scope(&self.tenant, write).await?;
                let page = self.page().await?.refused(error);
                let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::CONFLICT);
                Ok(Reply::private_page(&page)?.status(status).into_response())
            }
        }
    }

    /// The cart stays as it is: the same form, sent again, goes on with the same attempt.
    async fn unanswered(&self, error: &CheckoutError) -> Result<Response, ShopError> {
        let page = self.page().await?.unanswered(error);
        let status = StatusCode::from_u16(error.kind().http_status());
        let status = status.expect("kinds map to valid statuses");
        let mut response = Reply::private_page(&page)?.status(status).into_response();
        if let Some(wait) = retry_after(error.retry()) {
            response.headers_mut().insert(RETRY_AFTER, wait);
        }
        Ok(response)
    }

    async fn page(&self) -> Result<crate::pages::CartPage, ShopError> {
        let tenant = self.tenant.to_read_only();
        let read = async |tx: &mut CellTx<ReadOnly>| {
            page(tx, &self.shops.checkout, Some(&self.secret)).await
        };
        let page = self.shops.cell.scope(&tenant, read).await?;
        Ok(page.filled_in(&self.sent.email, &self.sent.payment_token))
    }
}
