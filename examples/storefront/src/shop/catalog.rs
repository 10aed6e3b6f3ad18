//! What a shop shows: its products and collections, read from the cell's tables.

mod detail;
mod lists;
mod rows;

use tenancy_core::{Access, db::CellTx};
use tenancy_types::TenantId;

use super::ShopError;
use crate::{
    import::{Collection, Image},
    money::{Currency, Money},
};

pub use detail::{Sold, product, variants_and_tags};
pub use lists::{collection_cards, collections, newest, products, related};
pub(super) use rows::CardRow;

/// A shop's own facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shop {
    /// Its name.
    pub name: String,
    /// The currency of all its prices.
    pub currency: Currency,
}

/// A product as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductCard {
    /// Its id.
    pub id: i64,
    /// Its part of the address.
    pub handle: String,
    /// Its title.
    pub title: String,
    /// Who makes it; may be empty.
    pub vendor: String,
    /// What it is; may be empty.
    pub product_type: String,
    /// The lowest and the highest price of its variants; `None` when it has none.
    pub prices: Option<(Money, Money)>,
    /// Whether a variant can be bought now.
    pub available: bool,
    /// Its first image.
    pub image: Option<Image>,
}

/// A product with everything that its page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: i64,
    /// Its part of the address.
    pub handle: String,
    /// Its title.
    pub title: String,
    /// Sanitised HTML.
    pub body_html: String,
    /// Who makes it; may be empty.
    pub vendor: String,
    /// What it is; may be empty.
    pub product_type: String,
    /// A title for search engines; may be empty.
    pub seo_title: String,
    /// A description for search engines; may be empty.
    pub seo_description: String,
    /// Its tags, in the merchant's order.
    pub tags: Vec<String>,
    /// The names of its options.
    pub options: Vec<String>,
    /// Its variants, in the merchant's order.
    pub variants: Vec<Variant>,
    /// Its images, in the merchant's order.
    pub images: Vec<Image>,
}

/// One thing that can be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its id, which an import leaves alone.
    pub id: i64,
    /// A value for each option of the product.
    pub options: Vec<String>,
    /// The merchant's number; may be empty.
    pub sku: String,
    /// What it costs.
    pub price: Money,
    /// What it cost before.
    pub compare_at: Option<Money>,
    /// Whether it can be bought now.
    pub available: bool,
    /// The address of its own image.
    pub image: Option<String>,
}

/// A collection as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionCard {
    /// Its part of the address and its title.
    pub collection: Collection,
    /// How many products it shows.
    pub products: i64,
    /// An image of one of them.
    pub image_src: Option<String>,
}

/// The shop's own facts.
///
/// # Errors
/// [`ShopError::NotSetUp`] when it has none, [`ShopError::Database`].
pub async fn shop<A: Access>(tx: &mut CellTx<A>, tenant: TenantId) -> Result<Shop, ShopError> {
    let statement = tx.sql("select name, currency from shop where tenant_id = $1");
    let rows: Vec<(String, String)> = statement.bind(tenant.as_i64()).all().await?;
    let (name, currency) = rows.into_iter().next().ok_or(ShopError::NotSetUp)?;
    let currency = Currency::from_code(&currency).map_err(|source| ShopError::BadRow {
        column: "shop.currency",
        source: source.into(),
    })?;
    Ok(Shop { name, currency })
}

/// A collection's id and title by its handle.
///
/// # Errors
/// [`ShopError::NotFound`], [`ShopError::Database`].
pub async fn collection<A: Access>(
    tx: &mut CellTx<A>,
    tenant: TenantId,
    handle: &str,
) -> Result<(i64, String), ShopError> {
    let statement =
        tx.sql("select collection_id, title from collection where tenant_id = $1 and handle = $2");
    let statement = statement.bind(tenant.as_i64()).bind(handle.to_owned());
    let rows: Vec<(i64, String)> = statement.all().await?;
    rows.into_iter()
        .next()
        .ok_or(ShopError::NotFound { what: "collection" })
}
