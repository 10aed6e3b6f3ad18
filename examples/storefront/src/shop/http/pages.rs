//! Handlers of the pages.

use axum::extract::{RawQuery, State};
use tenancy_core::{ReadOnly, TenantContext, db::CellTx};
use tenancy_types::TenantId;

use super::{handle::Handle, reply::Reply};
use crate::{
    import::Collection,
    pages::{Frame, HomePage, ListingPage, ProductPage, search_heading},
    shop::{
        Cell, Shop, ShopError, catalog,
        search::{Given, Query, Scope},
    },
};

/// Products on the home page, and on a page of a listing.
const NEWEST: usize = 12;
const PAGE: usize = 24;

/// Collections that the home page shows, and that the head of every page names.
const TILES: usize = 8;
const NAMED: usize = 5;

/// Other products on a product's page; one more is read, because the product may be among them.
const RELATED: usize = 4;

/// What every page needs to know of the shop.
struct Visit {
    tenant: TenantId,
    shop: Shop,
    collections: Vec<Collection>,
}

impl Visit {
    async fn begin(tx: &mut CellTx<ReadOnly>) -> Result<Self, ShopError> {
        let tenant = tx.tenant();
        let shop = catalog::shop(tx, tenant).await?;
        let collections = catalog::collections(tx, tenant, NAMED).await?;
        Ok(Self {
            tenant,
            shop,
            collections,
        })
    }

    fn frame(&self) -> Frame {
        Frame::new(self.tenant, &self.shop, &self.collections)
    }

    fn scope<'a>(&self, query: &'a Query, collection: Option<i64>) -> Scope<'a> {
        Scope {
            tenant: self.tenant,
            currency: self.shop.currency,
            collection,
            query,
            page: PAGE,
        }
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
        let listing = visit.scope(&query, None).list(tx).await?;
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
        let listing = visit.scope(&query, Some(id)).list(tx).await?;
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
