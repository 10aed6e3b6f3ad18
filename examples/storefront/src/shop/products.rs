//! Products one by one, as an operator edits them: whole, listed or not.

use tenancy_core::{Access, ReadWrite, TenantContext, db::CellTx};
use tenancy_types::TenantId;

use super::{Cell, ShopError, catalog, importing::aside, inventory, store};
use crate::import::{
    InvalidProduct, Limits, Policy, Status, Stored, WholeImage, WholeProduct, WholeVariant,
};

/// A product in a list for operators.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct ProductLine {
    /// Its id.
    pub product_id: i64,
    /// Its part of the address.
    pub handle: String,
    /// Its title.
    pub title: String,
    /// Where it is in its life: `active`, `draft`, `archived`.
    pub status: String,
    /// Whether shop pages show it: 0 or 1.
    pub listed: i64,
    /// Whether one of its variants can be bought now: 0 or 1.
    pub available: i64,
}

/// Why a product was not put into a shop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PutError {
    /// The product is not one.
    #[error(transparent)]
    Invalid(#[from] InvalidProduct),
    /// The shop could not take it.
    #[error(transparent)]
    Shop(#[from] ShopError),
}

/// Makes the shop's product of this handle what `product` says, as an import of a file would.
///
/// # Errors
/// [`PutError`]; nothing is changed then.
///
/// # Cancel safety
/// Dropping the future changes nothing, or everything when the commit had been sent.
pub async fn put(
    cell: &Cell,
    tenant: &TenantContext<ReadWrite>,
    handle: &str,
    product: WholeProduct,
) -> Result<Stored, PutError> {
    let read = async |tx: &mut CellTx<ReadWrite>| {
        let tenant = tx.tenant();
        catalog::shop(tx, tenant).await
    };
    let currency = cell.scope(tenant, read).await?.currency;
    let handle = handle.to_owned();
    let product = aside(move || product.checked(&handle, currency, &Limits::default())).await?;
    let write = async |tx: &mut CellTx<ReadWrite>| {
        let tenant = tx.tenant();
        store::upsert_product(tx, cell.ids(), tenant, &product).await
    };
    let upserted = cell.scope(tenant, write).await?;
    inventory::raise(tenant.tenant(), &upserted.alerts);
    Ok(upserted.stored)
}

/// Products after a handle, in the order of their handles.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn lines<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    after: &str,
    limit: u16,
) -> Result<Vec<ProductLine>, ShopError> {
    let statement = tx.sql(
        "select product_id, handle, title, status, listed, available from product
        where tenant_id = $1 and handle > $2 order by handle limit $3",
    );
    let statement = statement.bind(tenant.as_i64()).bind(after.to_owned());
    Ok(statement.bind(i64::from(limit)).all().await?)
}

/// The id and everything of a product, whether it is listed or not.
///
/// Whether one that is no longer active was published is not kept; it is said not to be.
///
/// # Errors
/// [`ShopError::NotFound`], [`ShopError::Database`], [`ShopError::BadRow`].
pub async fn whole<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    handle: &str,
) -> Result<(i64, WholeProduct), ShopError> {
    let statement = tx.sql(
        "select product_id, title, body_html, vendor, product_type, category, listed, status, seo_title,
            seo_description
        from product where tenant_id = $1 and handle = $2",
    );
    let statement = statement.bind(tenant.as_i64()).bind(handle.to_owned());
    let rows: Vec<Row> = statement.all().await?;
    let row = rows
        .into_iter()
        .next()
        .ok_or(ShopError::NotFound { what: "product" })?;
    let mut children = Children {
        tx,
        tenant,
        product: row.product_id,
    };
    let product = WholeProduct {
        tags: children.texts(TAGS).await?,
        collections: children.texts(COLLECTIONS).await?,
        options: children.texts(OPTIONS).await?,
        variants: children.variants().await?,
        images: children.images().await?,
        title: row.title,
        body_html: row.body_html,
        vendor: row.vendor,
        product_type: row.product_type,
        category: row.category,
        published: row.listed == 1,
        status: status(&row.status)?,
        seo_title: row.seo_title,
        seo_description: row.seo_description,
    };
    Ok((row.product_id, product))
}

#[derive(sqlx::FromRow)]
struct Row {
    product_id: i64,
    title: String,
    body_html: String,
    vendor: String,
    product_type: String,
    category: String,
    listed: i64,
    status: String,
    seo_title: String,
    seo_description: String,
}

fn status(word: &str) -> Result<Status, ShopError> {
    [Status::Active, Status::Draft, Status::Archived]
        .into_iter()
        .find(|status| store::status(*status) == word)
        .ok_or_else(|| ShopError::BadRow {
            column: "product.status",
            source: format!("{word:?} is no status").into(),
        })
}

/// What belongs to one product.
struct Children<'a, A: Access> {
    tx: &'a mut CellTx<A>,
    tenant: TenantId,
    product: i64,
}

impl<A: Access> Children<'_, A> {
    async fn texts(&mut self, sql: &'static str) -> Result<Vec<String>, ShopError> {
        let statement = self.tx.sql(sql).bind(self.tenant.as_i64());
        let rows: Vec<(String,)> = statement.bind(self.product).all().await?;
        Ok(rows.into_iter().map(|(text,)| text).collect())
    }

    async fn images(&mut self) -> Result<Vec<WholeImage>, ShopError> {
        let statement = self.tx.sql(IMAGES).bind(self.tenant.as_i64());
        let rows: Vec<(String, String)> = statement.bind(self.product).all().await?;
        let image = |(src, alt)| WholeImage { src, alt };
        Ok(rows.into_iter().map(image).collect())
    }

    async fn variants(&mut self) -> Result<Vec<WholeVariant>, ShopError> {
        let statement = self.tx.sql(VARIANTS).bind(self.tenant.as_i64());
        let rows: Vec<VariantRow> = statement.bind(self.product).all().await?;
        rows.into_iter().map(WholeVariant::try_from).collect()
    }
}

#[derive(sqlx::FromRow)]
struct VariantRow {
    variant_id: i64,
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
    sku: String,
    price: i64,
    compare_at: Option<i64>,
    grams: i64,
    barcode: String,
    quantity: Option<i64>,
    sold_without_stock: i64,
    image_src: Option<String>,
}

impl TryFrom<VariantRow> for WholeVariant {
    type Error = ShopError;

    fn try_from(row: VariantRow) -> Result<Self, ShopError> {
        let number = |column, number: i64| {
            u32::try_from(number).map_err(|error| ShopError::BadRow {
                column,
                source: error.into(),
            })
        };
        let quantity = row.quantity;
        Ok(Self {
            variant_id: Some(row.variant_id.to_string()),
            options: [row.option1, row.option2, row.option3]
                .into_iter()
                .flatten()
                .collect(),
            sku: row.sku,
            price_minor: row.price,
            compare_at_minor: row.compare_at,
            grams: number("product_variant.grams", row.grams)?,
            barcode: row.barcode,
            quantity: quantity
                .map(|quantity| number("product_variant.quantity", quantity))
                .transpose()?,
            policy: if row.sold_without_stock == 1 {
                Policy::Continue
            } else {
                Policy::Deny
            },
            image: row.image_src,
        })
    }
}

const TAGS: &str =
    "select tag from product_tag where tenant_id = $1 and product_id = $2 order by position";

const OPTIONS: &str =
    "select name from product_option where tenant_id = $1 and product_id = $2 order by position";

const COLLECTIONS: &str = "select c.title from collection_product m
    join collection c on c.tenant_id = m.tenant_id and c.collection_id = m.collection_id
    where m.tenant_id = $1 and m.product_id = $2 order by c.collection_id";

const IMAGES: &str =
    "select src, alt from product_image where tenant_id = $1 and product_id = $2 order by position";

const VARIANTS: &str =
    "select variant_id, option1, option2, option3, sku, price, compare_at, grams, barcode,
        quantity, sold_without_stock, image_src
    from product_variant where tenant_id = $1 and product_id = $2 order by position, variant_id";

/// Takes a product out of the shop. What was sold of it stays in its orders.
///
/// # Errors
/// [`ShopError::NotFound`], [`ShopError::Database`].
pub async fn remove(
    cell: &Cell,
    tenant: &TenantContext<ReadWrite>,
    handle: &str,
) -> Result<(), ShopError> {
    let delete = async |tx: &mut CellTx<ReadWrite>| {
        let tenant = tx.tenant();
        store::remove_product(tx, tenant, handle).await
    };
    cell.scope(tenant, delete).await
}
