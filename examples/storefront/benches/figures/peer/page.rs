//! A product's page: the statements are the storefront's, word for word.

use askama::Template as _;
use axum::{
    extract::{Path, RawQuery, State},
    response::Html,
};
use http::HeaderMap;
use sqlx::{FromRow, SqliteConnection};
use storefront::{
    import::{Collection, Image},
    money::{Currency, Money},
    pages::{Frame, ProductPage},
    shop::{Product, ProductCard, Shop, Variant},
};

use super::{NoAnswer, Shops, currency};

/// Collections in the head of a page, and other products at its foot.
const NAMED: i64 = 5;
const RELATED: i64 = 5;
/// Ids that a statement has places for.
const CHUNK: usize = 20;

pub(super) async fn product(
    State(shops): State<Shops>,
    Path(handle): Path<String>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Html<String>, NoAnswer> {
    let (tenant, cell) = shops.of(&headers)?;
    let chosen = raw.as_deref().and_then(|raw| raw.strip_prefix("variant="));
    let chosen = chosen.map(str::parse).transpose()?;
    let id = tenant.as_i64();
    let mut tx = cell.readers.begin().await?;
    let shop = shop(&mut tx, id).await?;
    let collections = collections(&mut tx, id).await?;
    let product = one(&mut tx, id, shop.currency, &handle).await?;
    let related = related(&mut tx, id, shop.currency, &product.product_type).await?;
    tx.commit().await?;
    let frame = Frame::new(*tenant, &shop, &collections);
    let page = ProductPage::new(frame, product, chosen).related(&related);
    Ok(Html(page.render()?))
}

async fn shop(tx: &mut SqliteConnection, tenant: i64) -> Result<Shop, NoAnswer> {
    let row: Option<(String, String)> =
        sqlx::query_as("select name, currency from shop where tenant_id = $1")
            .bind(tenant)
            .fetch_optional(tx)
            .await?;
    let (name, code) = row.ok_or(NoAnswer::NotFound)?;
    Ok(Shop {
        name,
        currency: currency(&code)?,
    })
}

async fn collections(tx: &mut SqliteConnection, tenant: i64) -> Result<Vec<Collection>, NoAnswer> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select c.handle, c.title from collection c
        where c.tenant_id = $1 and exists (
            select 1 from collection_product l
            join product p on p.tenant_id = $1 and p.product_id = l.product_id and p.listed = 1
            where l.tenant_id = $1 and l.collection_id = c.collection_id)
        order by c.title, c.collection_id limit cast($2 as bigint)",
    )
    .bind(tenant)
    .bind(NAMED)
    .fetch_all(tx)
    .await?;
    let collection = |(handle, title)| Collection { handle, title };
    Ok(rows.into_iter().map(collection).collect())
}

#[derive(FromRow)]
struct ProductRow {
    product_id: i64,
    handle: String,
    title: String,
    body_html: String,
    vendor: String,
    product_type: String,
    seo_title: String,
    seo_description: String,
}

async fn one(
    tx: &mut SqliteConnection,
    tenant: i64,
    currency: Currency,
    handle: &str,
) -> Result<Product, NoAnswer> {
    let row: Option<ProductRow> = sqlx::query_as(
        "select product_id, handle, title, body_html, vendor, product_type, seo_title, seo_description
        from product where tenant_id = $1 and handle = $2 and listed = 1",
    )
    .bind(tenant)
    .bind(handle)
    .fetch_optional(&mut *tx)
    .await?;
    let row = row.ok_or(NoAnswer::NotFound)?;
    let id = row.product_id;
    Ok(Product {
        id,
        handle: row.handle,
        title: row.title,
        body_html: row.body_html,
        vendor: row.vendor,
        product_type: row.product_type,
        seo_title: row.seo_title,
        seo_description: row.seo_description,
        variants: variants(tx, tenant, currency, id).await?,
        tags: tags(tx, tenant, id).await?,
        options: options(tx, tenant, id).await?,
        images: images(tx, tenant, id).await?,
    })
}

#[derive(FromRow)]
struct VariantRow {
    variant_id: i64,
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
    sku: String,
    price: i64,
    compare_at: Option<i64>,
    available: i64,
    image_src: Option<String>,
}

async fn variants(
    tx: &mut SqliteConnection,
    tenant: i64,
    currency: Currency,
    product: i64,
) -> Result<Vec<Variant>, NoAnswer> {
    let mut statement = sqlx::query_as(
        "select variant_id, product_id, option1, option2, option3, sku, price, compare_at,
        available, image_src
    from product_variant where tenant_id = $1 and product_id in
        ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
    order by product_id, position, variant_id",
    )
    .bind(tenant)
    .bind(product);
    for _ in 1..CHUNK {
        statement = statement.bind(0_i64);
    }
    let rows: Vec<VariantRow> = statement.fetch_all(tx).await?;
    let variant = |row: VariantRow| Variant {
        id: row.variant_id,
        options: [row.option1, row.option2, row.option3]
            .into_iter()
            .flatten()
            .collect(),
        sku: row.sku,
        price: Money::new(row.price, currency),
        compare_at: row.compare_at.map(|was| Money::new(was, currency)),
        available: row.available == 1,
        image: row.image_src,
    };
    Ok(rows.into_iter().map(variant).collect())
}

async fn tags(
    tx: &mut SqliteConnection,
    tenant: i64,
    product: i64,
) -> Result<Vec<String>, NoAnswer> {
    let mut statement = sqlx::query_as(
        "select product_id, tag
    from product_tag where tenant_id = $1 and product_id in
        ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
    order by product_id, position",
    )
    .bind(tenant)
    .bind(product);
    for _ in 1..CHUNK {
        statement = statement.bind(0_i64);
    }
    let rows: Vec<(i64, String)> = statement.fetch_all(tx).await?;
    Ok(rows.into_iter().map(|(_, tag)| tag).collect())
}

async fn options(
    tx: &mut SqliteConnection,
    tenant: i64,
    product: i64,
) -> Result<Vec<String>, NoAnswer> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "select name from product_option where tenant_id = $1 and product_id = $2 order by position",
    )
    .bind(tenant)
    .bind(product)
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|(name,)| name).collect())
}

async fn images(
    tx: &mut SqliteConnection,
    tenant: i64,
    product: i64,
) -> Result<Vec<Image>, NoAnswer> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "select src, alt from product_image where tenant_id = $1 and product_id = $2 order by position",
    )
    .bind(tenant)
    .bind(product)
    .fetch_all(tx)
    .await?;
    let image = |(src, alt)| Image { src, alt };
    Ok(rows.into_iter().map(image).collect())
}

#[derive(FromRow)]
struct CardRow {
    product_id: i64,
    handle: String,
    title: String,
    vendor: String,
    product_type: String,
    lowest_price: Option<i64>,
    highest_price: Option<i64>,
    available: i64,
    image_src: Option<String>,
    image_alt: Option<String>,
}

async fn related(
    tx: &mut SqliteConnection,
    tenant: i64,
    currency: Currency,
    product_type: &str,
) -> Result<Vec<ProductCard>, NoAnswer> {
    let rows: Vec<CardRow> = sqlx::query_as(
        "select product_id, handle, title, vendor, product_type, lowest_price, highest_price, available,
                image_src, image_alt
            from product where tenant_id = $1 and listed = 1 and product_type = $2 order by product_id desc limit cast($3 as bigint)",
    )
    .bind(tenant)
    .bind(product_type)
    .bind(RELATED)
    .fetch_all(tx)
    .await?;
    let money = |minor| Money::new(minor, currency);
    let card = |row: CardRow| ProductCard {
        id: row.product_id,
        handle: row.handle,
        title: row.title,
        vendor: row.vendor,
        product_type: row.product_type,
        prices: row
            .lowest_price
            .zip(row.highest_price)
            .map(|(low, high)| (money(low), money(high))),
        available: row.available == 1,
        image: row.image_src.map(|src| Image {
            src,
            alt: row.image_alt.unwrap_or_default(),
        }),
    };
    Ok(rows.into_iter().map(card).collect())
}
