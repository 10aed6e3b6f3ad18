//! Handlers of the pages.

use axum::extract::{RawQuery, State};
use tenancy_core::{ReadOnly, TenantContext, db::CellTx};

use super::{handle::Handle, reply::Reply};
use crate::{
    pages::{Frame, HomePage, ListingPage, ProductPage, search_heading},
    shop::{
        Cell, CollectionCard, Shop, ShopError, catalog,
        search::{Given, Query, Scope, Sort},
    },
};

/// Products on the home page, and on a page of a listing.
const NEWEST: usize = 12;
const PAGE: usize = 24;

/// Collections as the home page shows them.
const TILES: usize = 6;

/// What every page needs: the shop, its collections, and the transaction that read them.
struct Visit {
    tx: CellTx<ReadOnly>,
    tenant: TenantContext<ReadOnly>,
    shop: Shop,
    collections: Vec<CollectionCard>,
}

impl Visit {
    async fn begin(cell: &Cell, tenant: TenantContext<ReadOnly>) -> Result<Self, ShopError> {
        let mut tx = cell.begin(&tenant);
        let shop = catalog::shop(&mut tx, tenant.tenant()).await?;
        let collections = catalog::collections(&mut tx, tenant.tenant()).await?;
        Ok(Self { tx, tenant, shop, collections })
    }

    fn frame(&self) -> Frame {
        Frame::new(self.tenant.tenant(), &self.shop, &self.collections)
    }

    fn scope<'a>(&self, query: &'a Query, collection: Option<i64>) -> Scope<'a> {
        Scope {
            tenant: self.tenant.tenant(),
            currency: self.shop.currency,
            collection,
            query,
            page: PAGE,
        }
    }

    /// Gives the connection back, and makes the page without it.
    async fn end(self, page: &impl askama::Template) -> Result<Reply, ShopError> {
        self.tx.commit().await?;
        Reply::page(page)
    }
}

pub(super) async fn home(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
) -> Result<Reply, ShopError> {
    let mut visit = Visit::begin(&cell, tenant).await?;
    let query = Query {
        sort: Some(Sort::Newest),
        limit: Some(NEWEST),
        ..Query::default()
    };
    let newest = visit.scope(&query, None).products(&mut visit.tx).await?;
    let shown = &visit.collections[..visit.collections.len().min(TILES)];
    let page = HomePage::new(visit.frame(), shown, &newest);
    visit.end(&page).await
}

pub(super) async fn product(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    Handle(handle): Handle,
    RawQuery(raw): RawQuery,
) -> Result<Reply, ShopError> {
    let chosen = Given::read(raw.as_deref().unwrap_or_default())?.number("variant")?;
    let mut visit = Visit::begin(&cell, tenant).await?;
    let tenant = visit.tenant.tenant();
    let product = catalog::product(&mut visit.tx, tenant, visit.shop.currency, &handle).await?;
    let query = Query {
        product_type: Some(product.product_type.clone()).filter(|kind| !kind.is_empty()),
        limit: Some(5),
        ..Query::default()
    };
    let related = visit.scope(&query, None).products(&mut visit.tx).await?;
    let page = ProductPage::new(visit.frame(), product, chosen).related(&related);
    visit.end(&page).await
}

pub(super) async fn search(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    RawQuery(raw): RawQuery,
) -> Result<Reply, ShopError> {
    let mut visit = Visit::begin(&cell, tenant).await?;
    let query = Query::parse(raw.as_deref().unwrap_or_default(), visit.shop.currency)?;
    let listing = visit.scope(&query, None).list(&mut visit.tx).await?;
    let heading = search_heading(&query);
    let page = ListingPage::new(visit.frame(), heading, "/search", &query, &listing);
    visit.end(&page).await
}

pub(super) async fn collection(
    State(cell): State<Cell>,
    tenant: TenantContext<ReadOnly>,
    Handle(handle): Handle,
    RawQuery(raw): RawQuery,
) -> Result<Reply, ShopError> {
    let mut visit = Visit::begin(&cell, tenant).await?;
    let query = Query::parse(raw.as_deref().unwrap_or_default(), visit.shop.currency)?;
    let tenant = visit.tenant.tenant();
    let (id, title) = catalog::collection(&mut visit.tx, tenant, &handle).await?;
    let listing = visit.scope(&query, Some(id)).list(&mut visit.tx).await?;
    let path = format!("/collections/{handle}");
    let page = ListingPage::new(visit.frame(), title, &path, &query, &listing);
    visit.end(&page).await
}
