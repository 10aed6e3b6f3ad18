//! The write side of the catalogue.

mod children;
mod variants;

use tenancy_core::{ReadWrite, db::CellTx};
use tenancy_types::TenantId;

use super::{
    Ids, Shop, ShopError,
    inventory::{self, ReorderAlert},
    search::words::fold,
};
use crate::import::{Product, Status, Stored};

/// How much of a title takes part in sorting, in characters.
const SORTED_CHARS: usize = 64;

/// Gives a tenant its shop, or changes the shop's facts. Repeating it changes nothing.
///
/// Prices that were imported keep their amounts: a new currency needs a new import.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn set_up_shop(
    tx: &mut CellTx<ReadWrite>,
    ids: &Ids,
    tenant: TenantId,
    shop: &Shop,
) -> Result<(), ShopError> {
    let statement = tx.sql(
        "insert into shop (tenant_id, name, currency, created_at) values ($1, $2, $3, $4)
        on conflict (tenant_id) do update set name = excluded.name, currency = excluded.currency",
    );
    let statement = statement.bind(tenant.as_i64()).bind(shop.name.clone());
    let statement = statement
        .bind(shop.currency.code().to_owned())
        .bind(ids.now().get());
    statement.run().await?;
    Ok(())
}

/// What came of writing a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upserted {
    /// Whether it is new, changed or as it was.
    pub stored: Stored,
    /// Variants of which more should be ordered now, to be [raised](inventory::raise) when the transaction is
    /// committed.
    pub alerts: Vec<ReorderAlert>,
}

/// Lets one transaction at a time write the shop's catalogue, from here to its end. On SQLite a cell has one writer; on
/// Postgres, two that read the same product before either writes it would both add what is new, and keep it twice.
///
/// Nothing that sells locks the shop's row, so this is always the first lock of those that take it.
async fn take_turn(tx: &mut CellTx<ReadWrite>, tenant: TenantId) -> Result<(), ShopError> {
    let statement = tx.sql("update shop set currency = currency where tenant_id = $1");
    statement.bind(tenant.as_i64()).run().await?;
    Ok(())
}

/// Makes the shop's product of this handle what `product` says, all of it: what it no longer has is removed.
///
/// Ids stay: the product's by its handle, a variant's by its option values or else its place. A product whose
/// content hash is the stored one is left alone. A quantity that differs from the one that was stated before
/// counts the stock anew; one that does not leaves alone what was sold since. Nothing is visible before the transaction commits, and it
/// must not commit after an error.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn upsert_product(
    tx: &mut CellTx<ReadWrite>,
    ids: &Ids,
    tenant: TenantId,
    product: &Product,
) -> Result<Upserted, ShopError> {
    let hash = product.content_hash().to_string();
    take_turn(tx, tenant).await?;
    let stored = stored(tx, tenant, &product.handle).await?;
    let (id, outcome) = match stored {
        Some((_, known)) if known == hash => {
            return Ok(Upserted {
                stored: Stored::Unchanged,
                alerts: Vec::new(),
            });
        }
        Some((id, _)) => (id, Stored::Updated),
        None => (ids.next(), Stored::Created),
    };
    let mut write = Write {
        tx,
        ids,
        tenant,
        id,
        alerts: Vec::new(),
    };
    let places = write.places(&product.variants).await?;
    // Stock comes before products, as everywhere: see `inventory`.
    write.count_anew(&places).await?;
    write.product(product, hash).await?;
    write.children(product).await?;
    write.variants(places).await?;
    inventory::follow_product(write.tx, id).await?;
    Ok(Upserted {
        stored: outcome,
        alerts: write.alerts,
    })
}

/// Takes the product of this handle out of the shop, with all that belongs to it.
///
/// # Errors
/// [`ShopError::NotFound`], [`ShopError::Database`].
pub async fn remove_product(
    tx: &mut CellTx<ReadWrite>,
    tenant: TenantId,
    handle: &str,
) -> Result<(), ShopError> {
    take_turn(tx, tenant).await?;
    let statement = tx.sql("delete from product where tenant_id = $1 and handle = $2");
    let statement = statement.bind(tenant.as_i64()).bind(handle.to_owned());
    match statement.run().await? {
        0 => Err(ShopError::NotFound { what: "product" }),
        _ => Ok(()),
    }
}

/// Id and content hash of the product with this handle.
async fn stored(
    tx: &mut CellTx<ReadWrite>,
    tenant: TenantId,
    handle: &str,
) -> Result<Option<(i64, String)>, ShopError> {
    let statement =
        tx.sql("select product_id, content_hash from product where tenant_id = $1 and handle = $2");
    let statement = statement.bind(tenant.as_i64()).bind(handle.to_owned());
    Ok(statement.all().await?.into_iter().next())
}

/// One product being written.
struct Write<'a> {
    tx: &'a mut CellTx<ReadWrite>,
    ids: &'a Ids,
    tenant: TenantId,
    id: i64,
    alerts: Vec<ReorderAlert>,
}

impl Write<'_> {
    async fn product(&mut self, product: &Product, hash: String) -> Result<(), ShopError> {
        let prices = product.variants.iter().map(|variant| variant.price.minor());
        let (lowest, highest) = (prices.clone().min(), prices.max());
        let available = product
            .variants
            .iter()
            .any(crate::import::Variant::is_available);
        let image = product.images.first();
        let sort_title: String = fold(&product.title).chars().take(SORTED_CHARS).collect();
        let now = self.ids.now().get();
        let statement = self
            .tx
            .sql(PRODUCT)
            .bind(self.tenant.as_i64())
            .bind(self.id)
            .bind(product.handle.clone())
            .bind(product.title.clone())
            .bind(sort_title)
            .bind(product.body_html.clone())
            .bind(product.vendor.clone())
            .bind(product.product_type.clone())
            .bind(product.category.clone())
            .bind(product.seo_title.clone())
            .bind(product.seo_description.clone())
            .bind(i64::from(product.is_listed()))
            .bind(status(product.status).to_owned())
            .bind(lowest)
            .bind(highest)
            .bind(i64::from(available))
            .bind(image.map(|image| image.src.clone()))
            .bind(image.map(|image| image.alt.clone()))
            .bind(hash)
            .bind(now);
        statement.run().await?;
        Ok(())
    }
}

const PRODUCT: &str = "insert into product (tenant_id, product_id, handle, title, sort_title, body_html, vendor,
        product_type, category, seo_title, seo_description, listed, status, lowest_price, highest_price,
        available, image_src, image_alt, content_hash, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $20)
    on conflict (tenant_id, product_id) do update set title = excluded.title,
        sort_title = excluded.sort_title, body_html = excluded.body_html, vendor = excluded.vendor,
        product_type = excluded.product_type, category = excluded.category,
        seo_title = excluded.seo_title, seo_description = excluded.seo_description,
        listed = excluded.listed, status = excluded.status, lowest_price = excluded.lowest_price,
        highest_price = excluded.highest_price, available = excluded.available,
        image_src = excluded.image_src, image_alt = excluded.image_alt,
        content_hash = excluded.content_hash, updated_at = excluded.updated_at";

/// The word of the table for a status.
pub(super) const fn status(status: Status) -> &'static str {
    match status {
        Status::Active => "active",
        Status::Draft => "draft",
        Status::Archived => "archived",
    }
}
