//! Handlers that buy.
//!
//! The form on the cart's page sends exactly what the page showed: variants and quantities, the total, and the
//! cart's version, of which its key is made (see [`cart`]). So it is one request like that of a program: sent
//! again, it has the same answer, and a cart that was changed in another window changes nothing of it.
//!
//! The cart notes the attempt before it is made. An answer that ended the attempt gives the cart a new version,
//! and an order takes out of it what was bought. A crash before that loses nothing: the cart still shows the same
//! version, and its form leads to the same answer. While an attempt has no answer, the cart's page also has a form
//! that only finds out what became of it, whatever is in the cart by now and whatever the shop sells by now.
//!
//! Who changes the cart while it is not known whether the attempt was paid, and then sends another one, has the
//! noted one ended first: when it turns out to be paid, its order is shown and nothing else is bought; when not,
//! it is called off, and the new one is made. So the same things are never paid for twice.

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
    pages::CartPage,
    platform::finished,
    shop::{
        ShopError,
        cart::{self, CartSecret},
        checkout::{Answer, CheckoutError, CheckoutRequest, Document},
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
    let secret = proven(secret, tenant.tenant(), &form)?;
    let sent = Sent::read(&form)?;
    let buyer = Buyer {
        shops,
        tenant,
        secret,
    };
    finished(buyer.buy(sent)).await
}

/// Finds out for a browser what became of an attempt that had no answer, and ends it: it leads to the order when
/// it is paid, and back to the cart when it is called off. Runs to its end although the browser goes away
/// meanwhile.
pub(super) async fn outcome(
    State(shops): State<Shops>,
    tenant: TenantContext<ReadWrite>,
    CartCookie(secret): CartCookie,
    Form(form): Form,
) -> Result<Response, ShopError> {
    let secret = proven(secret, tenant.tenant(), &form)?;
    let version = number(&form, "version")?;
    let buyer = Buyer {
        shops,
        tenant,
        secret,
    };
    finished(buyer.find_out(version)).await
}

/// What the form on the cart's page sends.
#[derive(Debug)]
struct Sent {
    version: i64,
    items: Vec<(i64, i64)>,
    total_minor: i64,
    details: Details,
}

/// What the buyer filled in.
#[derive(Debug, Default)]
struct Details {
    email: String,
    payment_token: String,
}

impl Sent {
    fn read(form: &Given) -> Result<Self, ShopError> {
        let items: Option<Vec<_>> = form.values("item").map(item).collect();
        Ok(Self {
            version: number(form, "version")?,
            items: items.ok_or_else(|| ShopError::invalid("item", "it is not VARIANT:QUANTITY"))?,
            total_minor: number(form, "total_minor")?,
            details: Details {
                email: form.text("email", 320)?.unwrap_or_default(),
                payment_token: form.filter("payment_token")?.unwrap_or_default(),
            },
        })
    }

    fn request(&self) -> Result<CheckoutRequest, CheckoutError> {
        let Details {
            email,
            payment_token,
        } = &self.details;
        let request = CheckoutRequest::new(self.items.iter().copied(), email, payment_token)?;
        Ok(request.expected_total(self.total_minor))
    }
}

fn number(form: &Given, name: &'static str) -> Result<i64, ShopError> {
    whole(form, name)?.ok_or_else(|| ShopError::invalid(name, "it is missing"))
}

fn item(text: &str) -> Option<(i64, i64)> {
    let (variant, quantity) = text.split_once(':')?;
    Some((variant.parse().ok()?, quantity.parse().ok()?))
}

/// Who buys from a cart's page.
#[derive(Debug)]
struct Buyer {
    shops: Shops,
    tenant: TenantContext<ReadWrite>,
    secret: CartSecret,
}

/// An attempt and its answer, if it has one.
type Attempted = Result<(cart::Purchase, Answer), CheckoutError>;

impl Buyer {
    async fn buy(self, sent: Sent) -> Result<Response, ShopError> {
        let attempted = self.attempt(&sent).await;
        self.shown(attempted, &sent.details).await
    }

    async fn find_out(self, version: i64) -> Result<Response, ShopError> {
        let attempt = self.purchase(version);
        let answer = self.shops.checkout.withdraw(&self.tenant, &attempt.key);
        let attempted = answer.await.map(|answer| (attempt, answer));
        self.shown(attempted, &Details::default()).await
    }

    fn purchase(&self, version: i64) -> cart::Purchase {
        cart::Purchase::of(&self.secret, self.tenant.tenant(), version)
    }

    /// Makes the attempt, and returns it with its answer; instead of it, one that was made before and turns out
    /// to be paid.
    async fn attempt(&self, sent: &Sent) -> Attempted {
        let request = sent.request()?;
        let attempt = self.purchase(sent.version);
        let checkout = &self.shops.checkout;
        if let Some(earlier) = self.note(&attempt).await? {
            let answer = checkout.withdraw(&self.tenant, &earlier.key).await?;
            if answer.is_placed() {
                return Ok((earlier, answer));
            }
            self.follow(&earlier, &answer).await?;
            if self.note(&attempt).await?.is_some() {
                return Err(CheckoutError::Contended);
            }
        }
        let answer = checkout.place(&self.tenant, &attempt.key, &request).await?;
        Ok((attempt, answer))
    }

    async fn note(&self, attempt: &cart::Purchase) -> Result<Option<cart::Purchase>, ShopError> {
        let write = async |tx: &mut CellTx<ReadWrite>| cart::note(tx, &self.secret, attempt).await;
        self.shops.cell.scope(&self.tenant, write).await
    }

    /// The cart follows the answer.
    async fn follow(&self, attempt: &cart::Purchase, answer: &Answer) -> Result<(), ShopError> {
        let (now, secret) = (self.shops.cell.ids().now(), &self.secret);
        let write = async |tx: &mut CellTx<ReadWrite>| {
            if answer.is_placed() {
                cart::take_out(tx, now, secret, attempt).await
            } else {
                cart::renew(tx, now, secret, attempt).await
            }
        };
        self.shops.cell.scope(&self.tenant, write).await
    }

    async fn shown(&self, attempted: Attempted, details: &Details) -> Result<Response, ShopError> {
        match attempted {
            Ok((attempt, answer)) => {
                self.follow(&attempt, &answer).await?;
                self.answered(&answer, details).await
            }
            Err(CheckoutError::Shop(error)) => Err(error),
            Err(error) => self.unanswered(error, details).await,
        }
    }

    /// The browser follows the answer, too.
    async fn answered(&self, answer: &Answer, details: &Details) -> Result<Response, ShopError> {
        match answer.document() {
            Document::Placed(placed) => {
                let order = format!("/orders/{}", placed.order_token);
                Ok(see(&order, &self.secret))
            }
            Document::Refused { error } => {
                let page = self.page(details).await?.refused(error);
                let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::CONFLICT);
                Ok(Reply::private_page(&page)?.status(status).into_response())
            }
        }
    }

    /// The cart stays as it is: the same form, sent again, goes on with the same attempt.
    async fn unanswered(
        &self,
        error: CheckoutError,
        details: &Details,
    ) -> Result<Response, ShopError> {
        let page = self.page(details).await?.unanswered(&error);
        let status = StatusCode::from_u16(error.kind().http_status());
        let status = status.expect("kinds map to valid statuses");
        let mut response = Reply::private_page(&page)?.status(status).into_response();
        error.log();
        if let Some(wait) = retry_after(error.retry()) {
            response.headers_mut().insert(RETRY_AFTER, wait);
        }
        Ok(response)
    }

    async fn page(&self, details: &Details) -> Result<CartPage, ShopError> {
        let tenant = self.tenant.to_read_only();
        let read = async |tx: &mut CellTx<ReadOnly>| {
            page(tx, &self.shops.checkout, Some(&self.secret)).await
        };
        let page = self.shops.cell.scope(&tenant, read).await?;
        Ok(page.filled_in(&details.email, &details.payment_token))
    }
}
