//! Handlers of the API for programs.

use axum::extract::{RawQuery, State};
use tenancy_core::{ReadOnly, TenantContext, db::CellTx};

use super::{
    handle::Handle,
    json::{FacetsDocument, ProductDocument, ProductList},
    reply::Reply,
};
use crate::{
    money::Currency,
    shop::{
        Cell, ProductCard, ShopError, catalog,
        search::{Given, Query, Scope},
    },
};

/// Products of an answer, when the request does not say.
const PAGE: usize = 50;

pub(super) async fn products(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    RawQuery(raw): RawQuery,
) -> Result<Reply, ShopError> {
    let given = Given::read(raw.as_deref().unwrap_or_default())?;
    let limit = given.limit()?.unwrap_or(PAGE);
    let after = given.number("after")?.unwrap_or(0);
    let read = async |tx: &mut CellTx<ReadOnly>| {
        let tenant = tx.tenant();
        let currency = catalog::shop(tx, tenant).await?.currency;
        let mut cards = catalog::products(tx, tenant, currency, after, limit + 1).await?;
        let more = cards.len() > limit;
        cards.truncate(limit);
        let next = cards
            .last()
            .filter(|_| more)
            .map(|last| last.id.to_string());
        let products = documents(tx, currency, cards).await?;
        let facets = None;
        Ok(ProductList {
            products,
            next,
            facets,
        })
    };
    Ok(Reply::json(&cell.scope(&tenant, read).await?))
}

pub(super) async fn product(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    Handle(handle): Handle,
) -> Result<Reply, ShopError> {
    let read = async |tx: &mut CellTx<ReadOnly>| {
        let tenant = tx.tenant();
        let currency = catalog::shop(tx, tenant).await?.currency;
        catalog::product(tx, tenant, currency, &handle).await
    };
    let product = cell.scope(&tenant, read).await?;
    Ok(Reply::json(&ProductDocument::from(product)))
}

pub(super) async fn search(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    RawQuery(raw): RawQuery,
) -> Result<Reply, ShopError> {
    let read = async |tx: &mut CellTx<ReadOnly>| {
        let tenant = tx.tenant();
        let currency = catalog::shop(tx, tenant).await?.currency;
        let query = Query::parse(raw.as_deref().unwrap_or_default(), currency)?;
        let scope = Scope {
            tenant,
            currency,
            collection: None,
            query: &query,
            page: PAGE,
        };
        let listing = scope.list(tx).await?;
        Ok(ProductList {
            products: documents(tx, currency, listing.products).await?,
            next: listing.next.map(|next| next.to_string()),
            facets: Some(FacetsDocument::from(listing.facets)),
        })
    };
    Ok(Reply::json(&cell.scope(&tenant, read).await?))
}

async fn documents(
    tx: &mut CellTx<ReadOnly>,
    currency: Currency,
    cards: Vec<ProductCard>,
) -> Result<Vec<ProductDocument>, ShopError> {
    let ids: Vec<i64> = cards.iter().map(|card| card.id).collect();
    let tenant = tx.tenant();
    let mut sold = catalog::variants_and_tags(tx, tenant, currency, &ids).await?;
    let mut document = |card: ProductCard| {
        let sold = sold.remove(&card.id).unwrap_or_default();
        ProductDocument::of_card(card, sold)
    };
    Ok(cards.into_iter().map(&mut document).collect())
}
