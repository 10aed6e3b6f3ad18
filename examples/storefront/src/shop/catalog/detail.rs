//! Everything about one product, and what lists of the API say of several.

use std::collections::HashMap;

use tenancy_core::{Access, db::CellTx};
use tenancy_types::TenantId;

use super::{
    Product, ShopError, Variant,
    rows::{ProductRow, VariantRow},
};
use crate::{import::Image, money::Currency};

/// How many products one statement asks for; see [`variants_and_tags`].
const CHUNK: usize = 20;

/// The listed product with this handle.
///
/// # Errors
/// [`ShopError::NotFound`], [`ShopError::Database`].
pub async fn product<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    currency: Currency,
    handle: &str,
) -> Result<Product, ShopError> {
    let statement = tx.sql(
        "select product_id, handle, title, body_html, vendor, product_type, seo_title, seo_description
        from product where tenant_id = $1 and handle = $2 and listed = 1",
    );
    let statement = statement.bind(tenant.as_i64()).bind(handle.to_owned());
    let rows: Vec<ProductRow> = statement.all().await?;
    let row = rows
        .into_iter()
        .next()
        .ok_or(ShopError::NotFound { what: "product" })?;
    let id = row.product_id;
    let mut sold = variants_and_tags(tx, tenant, currency, &[id]).await?;
    let sold = sold.remove(&id).unwrap_or_default();
    Ok(Product {
        id,
        handle: row.handle,
        title: row.title,
        body_html: row.body_html,
        vendor: row.vendor,
        product_type: row.product_type,
        seo_title: row.seo_title,
        seo_description: row.seo_description,
        tags: sold.tags,
        options: options(tx, tenant, id).await?,
        variants: sold.variants,
        images: images(tx, tenant, id).await?,
    })
}

async fn options<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    id: i64,
) -> Result<Vec<String>, ShopError> {
    let statement = tx.sql(
        "select name from product_option where tenant_id = $1 and product_id = $2 order by position",
    );
    let rows: Vec<(String,)> = statement.bind(tenant.as_i64()).bind(id).all().await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

async fn images<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    id: i64,
) -> Result<Vec<Image>, ShopError> {
    let statement = tx.sql(
        "select src, alt from product_image where tenant_id = $1 and product_id = $2 order by position",
    );
    let rows: Vec<(String, String)> = statement.bind(tenant.as_i64()).bind(id).all().await?;
    Ok(rows
        .into_iter()
        .map(|(src, alt)| Image { src, alt })
        .collect())
}

/// What a list of the API says of a product, besides its card.
#[derive(Clone, Debug, Default)]
pub struct Sold {
    /// Its variants, in order.
    pub variants: Vec<Variant>,
    /// Its tags, in order.
    pub tags: Vec<String>,
}

/// Variants and tags of some products, by product: two statements for 20 products.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn variants_and_tags<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    currency: Currency,
    ids: &[i64],
) -> Result<HashMap<i64, Sold>, ShopError> {
    let mut sold: HashMap<i64, Sold> = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        for row in of_products::<_, VariantRow>(tx, VARIANTS, tenant, chunk).await? {
            let product = sold.entry(row.product_id).or_default();
            product.variants.push(row.into_variant(currency));
        }
        for (product, tag) in of_products::<_, (i64, String)>(tx, TAGS, tenant, chunk).await? {
            sold.entry(product).or_default().tags.push(tag);
        }
    }
    Ok(sold)
}

const VARIANTS: &str =
    "select variant_id, product_id, option1, option2, option3, sku, price, compare_at,
        available, image_src
    from product_variant where tenant_id = $1 and product_id in
        ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
    order by product_id, position, variant_id";

const TAGS: &str = "select product_id, tag
    from product_tag where tenant_id = $1 and product_id in
        ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
    order by product_id, position";

/// Runs a statement with 20 places for ids. No product has the id 0, which fills the places that are left.
async fn of_products<A: Access, R: tenancy_core::db::CellRow>(
    tx: &mut CellTx<A>,
    sql: &'static str,
    tenant: TenantId,
    ids: &[i64],
) -> Result<Vec<R>, ShopError> {
    let mut statement = tx.sql(sql).bind(tenant.as_i64());
    for index in 0..CHUNK {
        statement = statement.bind(ids.get(index).copied().unwrap_or(0));
    }
    Ok(statement.all().await?)
}
