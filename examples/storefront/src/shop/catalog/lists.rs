//! Lists that no filter narrows: each is a short range of an index, however large the shop is.
//!
//! The limit is a cast, because SQLite looks into a bound limit to plan with it, and so plans the statement
//! anew each time that it is bound: a sixth of what a page costs.

use tenancy_core::{Access, db::CellTx};
use tenancy_types::TenantId;

use super::{
    CollectionCard, ProductCard, ShopError,
    rows::{CardRow, CollectionRow},
};
use crate::{import::Collection, money::Currency};

/// The columns of a [`CardRow`].
macro_rules! select_cards {
    ($rest:literal) => {
        concat!(
            "select product_id, handle, title, vendor, product_type, lowest_price, highest_price, available,
                image_src, image_alt
            from product where tenant_id = $1 and listed = 1 ",
            $rest
        )
    };
}

/// Products in the order of their ids, after this one.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn products<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    currency: Currency,
    after: i64,
    limit: usize,
) -> Result<Vec<ProductCard>, ShopError> {
    let statement = tx.sql(select_cards!(
        "and product_id > $2 order by product_id limit cast($3 as bigint)"
    ));
    let statement = statement
        .bind(tenant.as_i64())
        .bind(after)
        .bind(limit as i64);
    Ok(cards(statement.all().await?, currency))
}

/// The products that came last, the last one first.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn newest<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    currency: Currency,
    limit: usize,
) -> Result<Vec<ProductCard>, ShopError> {
    let statement = tx.sql(select_cards!(
        "order by product_id desc limit cast($2 as bigint)"
    ));
    let statement = statement.bind(tenant.as_i64()).bind(limit as i64);
    Ok(cards(statement.all().await?, currency))
}

/// Products of one type, the last one first.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn related<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    currency: Currency,
    product_type: &str,
    limit: usize,
) -> Result<Vec<ProductCard>, ShopError> {
    let statement = tx.sql(select_cards!(
        "and product_type = $2 order by product_id desc limit cast($3 as bigint)"
    ));
    let statement = statement
        .bind(tenant.as_i64())
        .bind(product_type.to_owned())
        .bind(limit as i64);
    Ok(cards(statement.all().await?, currency))
}

fn cards(rows: Vec<CardRow>, currency: Currency) -> Vec<ProductCard> {
    rows.into_iter()
        .map(|row| row.into_card(currency))
        .collect()
}

/// The collections that have something to show, by title.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn collections<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    limit: usize,
) -> Result<Vec<Collection>, ShopError> {
    let statement = tx.sql(
        "select c.handle, c.title from collection c
        where c.tenant_id = $1 and exists (
            select 1 from collection_product l
            join product p on p.tenant_id = $1 and p.product_id = l.product_id and p.listed = 1
            where l.tenant_id = $1 and l.collection_id = c.collection_id)
        order by c.title, c.collection_id limit cast($2 as bigint)",
    );
    let statement = statement.bind(tenant.as_i64()).bind(limit as i64);
    let rows: Vec<(String, String)> = statement.all().await?;
    Ok(rows
        .into_iter()
        .map(|(handle, title)| Collection { handle, title })
        .collect())
}

/// The same with what a tile shows of each. Linear in the products of these collections.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn collection_cards<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    limit: usize,
) -> Result<Vec<CollectionCard>, ShopError> {
    let statement = tx.sql(
        "select c.handle, c.title, count(*) as products, min(p.image_src) as image_src
        from collection c
        join collection_product l on l.tenant_id = $1 and l.collection_id = c.collection_id
        join product p on p.tenant_id = $1 and p.product_id = l.product_id and p.listed = 1
        where c.tenant_id = $1
        group by c.collection_id, c.handle, c.title
        order by c.title, c.collection_id limit cast($2 as bigint)",
    );
    let statement = statement.bind(tenant.as_i64()).bind(limit as i64);
    let rows: Vec<CollectionRow> = statement.all().await?;
    Ok(rows.into_iter().map(CollectionCard::from).collect())
}
