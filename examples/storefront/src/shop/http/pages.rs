//! Handlers of the pages.

use axum::extract::{RawQuery, State};
use tenancy_core::{ReadOnly, TenantContext, db::CellTx};

use super::{handle::Handle, reply::Reply, visit::Visit};
use crate::{
    pages::{HomePage, ListingPage, ProductPage, search_heading},
    shop::{
        Cell, ShopError, catalog,
        search::{Given, Query, Scope},
    },
};

/// Products on the home page, and on a page of a listing.
const NEWEST: usize = 12;
const PAGE: usize = 24;

/// Collections that the home page shows.
const TILES: usize = 8;

/// Other products on a product's page; one more is read, because the product may be among them.
const RELATED: usize = 4;

fn scope<'a>(visit: &Visit, query: &'a Query, collection: Option<i64>) -> Scope<'a> {
    Scope {
        tenant: visit.tenant,
        currency: visit.shop.currency,
        collection,
        query,
        page: PAGE,
    }
}

pub(super) async fn home(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
) -> Result<Reply, ShopError> {
    let read = async |tx: &mut CellTx<ReadOnly>| {
        let visit = Visit::begin(tx).await?;
        let tiles = catalog::collection_cards(tx, visit.tenant, TILES).await?;
        let newest = catalog::newest(tx, visit.tenant, visit.shop.currency, NEWEST).await?;
        Ok(HomePage::new(visit.frame(), &tiles, &newest))
    };
    Reply::page(&cell.scope(&tenant, read).await?)
}

pub(super) async fn product(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    Handle(handle): Handle,
    RawQuery(raw): RawQuery,
) -> Result<Reply, ShopError> {
    let chosen = Given::read(raw.as_deref().unwrap_or_default())?.number("variant")?;
    let read = async |tx: &mut CellTx<ReadOnly>| {
        let visit = Visit::begin(tx).await?;
        let currency = visit.shop.currency;
        let product = catalog::product(tx, visit.tenant, currency, &handle).await?;
        let kind = &product.product_type;
        let related = catalog::related(tx, visit.tenant, currency, kind, RELATED + 1).await?;
        Ok(ProductPage::new(visit.frame(), product, chosen).related(&related))
    };
    Reply::page(&cell.scope(&tenant, read).await?)
}

pub(super) async fn search(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    RawQuery(raw): RawQuery,
) -> Result<Reply, ShopError> {
    let read = async |tx: &mut CellTx<ReadOnly>| {
        let visit = Visit::begin(tx).await?;
        let query = Query::parse(raw.as_deref().unwrap_or_default(), visit.shop.currency)?;
        let listing = scope(&visit, &query, None).list(tx).await?;
        let heading = search_heading(&query);
        Ok(ListingPage::new(
            visit.frame(),
            heading,
            "/search",
            &query,
            &listing,
        ))
    };
    Reply::page(&cell.scope(&tenant, read).await?)
}

pub(super) async fn collection(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    Handle(handle): Handle,
    RawQuery(raw): RawQuery,
) -> Result<Reply, ShopError> {
    let path = format!("/collections/{handle}");
    let read = async |tx: &mut CellTx<ReadOnly>| {
        let visit = Visit::begin(tx).await?;
        let query = Query::parse(raw.as_deref().unwrap_or_default(), visit.shop.currency)?;
        let (id, title) = catalog::collection(tx, visit.tenant, &handle).await?;
        let listing = scope(&visit, &query, Some(id)).list(tx).await?;
        Ok(ListingPage::new(
            visit.frame(),
            title,
            &path,
            &query,
            &listing,
        ))
    };
    Reply::page(&cell.scope(&tenant, read).await?)
}
