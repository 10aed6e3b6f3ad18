//! Handlers of the cart.
//!
//! A form that changes or removes a line, or buys, carries the token of the cart's page. One that *adds* does
//! not: it stands on product pages, which are the same for all visitors and kept by shared caches, so they can
//! hold nothing secret. That such a request comes from the shop's own pages is what `same_origin` sees to; what
//! could be forged beyond that is one more line in a cart, which the visitor sees before paying.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{
    HeaderValue, StatusCode,
    header::{CACHE_CONTROL, LOCATION, SET_COOKIE},
};
use tenancy_core::{ReadOnly, ReadWrite, TenantContext, db::CellTx};
use tenancy_types::TenantId;

use super::{
    body::Form,
    cookie::{self, CartCookie},
    reply::Reply,
    shops::Shops,
    visit::Visit,
};
use crate::{
    pages::CartPage,
    shop::{
        Cell, ShopError,
        cart::{self, CartSecret, Change, Edit},
        checkout::Checkout,
        search::Given,
    },
};

pub(super) async fn show(
    State(shops): State<Shops>,
    tenant: TenantContext<ReadOnly>,
    CartCookie(secret): CartCookie,
) -> Result<Reply, ShopError> {
    let read = async |tx: &mut CellTx<ReadOnly>| page(tx, &shops.checkout, secret.as_ref()).await;
    Reply::private_page(&shops.cell.scope(&tenant, read).await?)
}

/// The page of the cart that the secret opens; of an empty one when it opens none.
pub(super) async fn page(
    tx: &mut CellTx<ReadOnly>,
    checkout: &Checkout,
    secret: Option<&CartSecret>,
) -> Result<CartPage, ShopError> {
    let visit = Visit::begin(tx).await?;
    let frame = visit.frame();
    let Some(secret) = secret else {
        return Ok(CartPage::empty(frame));
    };
    match cart::contents(tx, secret, visit.shop.currency).await? {
        Some(contents) if !contents.lines.is_empty() || contents.sent.is_some() => {
            let basket = contents.basket(visit.shop.currency);
            let totals = checkout.quote(&basket);
            Ok(CartPage::new(
                frame,
                visit.tenant,
                secret,
                &contents,
                totals,
            ))
        }
        _ => Ok(CartPage::empty(frame)),
    }
}

/// Puts a variant in, changes how many, or removes it, and leads to the cart.
pub(super) async fn change(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadWrite>,
    CartCookie(secret): CartCookie,
    Form(form): Form,
) -> Result<Response, ShopError> {
    let edit = edit(&form)?;
    let secret = match edit.change {
        Change::Add(_) => secret,
        Change::Set(_) => Some(proven(secret, tenant.tenant(), &form)?),
    };
    let now = cell.ids().now();
    let write =
        async |tx: &mut CellTx<ReadWrite>| cart::change(tx, now, secret.as_ref(), edit).await;
    let secret = cell.scope(&tenant, write).await?;
    Ok(see("/cart", &secret))
}

/// The secret of the cart on whose page, at this shop, the form stood. Any other form is refused.
pub(super) fn proven(
    secret: Option<CartSecret>,
    tenant: TenantId,
    form: &Given,
) -> Result<CartSecret, ShopError> {
    let token = form.filter("csrf_token")?.unwrap_or_default();
    let proven = secret.filter(|secret| secret.accepts(tenant, &token));
    proven.ok_or(ShopError::ForeignForm)
}

/// Leads whoever opens the address of a form to the cart, such as a browser that loads its answer again.
pub(super) async fn lead_back() -> Redirect {
    Redirect::to("/cart")
}

/// Leads a browser to a page (303), and has it keep the cart.
pub(super) fn see(path: &str, secret: &CartSecret) -> Response {
    let path = HeaderValue::from_str(path).expect("paths of ours are ASCII");
    let headers = [
        (LOCATION, path),
        (SET_COOKIE, cookie::keep(secret)),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// What a form wants of the cart.
fn edit(form: &Given) -> Result<Edit, ShopError> {
    const ACTIONS: [(&str, Action); 3] = [
        ("add", Action::Add),
        ("set", Action::Set),
        ("remove", Action::Remove),
    ];
    let missing = |field| move || ShopError::invalid(field, "it is missing");
    let variant = whole(form, "variant_id")?.ok_or_else(missing("variant_id"))?;
    let quantity = whole(form, "quantity")?;
    let change = match form.word("action", &ACTIONS)?.unwrap_or(Action::Add) {
        Action::Add => Change::Add(quantity.unwrap_or(1)),
        Action::Set => Change::Set(quantity.ok_or_else(missing("quantity"))?),
        Action::Remove => Change::Set(0),
    };
    Ok(Edit { variant, change })
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Add,
    Set,
    Remove,
}

/// A field that is a whole number.
pub(super) fn whole(form: &Given, name: &'static str) -> Result<Option<i64>, ShopError> {
    let Some(text) = form.filter(name)? else {
        return Ok(None);
    };
    let unreadable = |_| ShopError::invalid(name, "it is not a whole number");
    text.parse().map(Some).map_err(unreadable)
}
