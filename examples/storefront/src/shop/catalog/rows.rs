//! Rows as the tables hold them.

use super::{CollectionCard, ProductCard};
use crate::{
    import::{Collection, Image},
    money::{Currency, Money},
};

#[derive(sqlx::FromRow)]
pub(in crate::shop) struct CardRow {
    pub(in crate::shop) product_id: i64,
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

impl CardRow {
    pub(in crate::shop) fn into_card(self, currency: Currency) -> ProductCard {
        let money = |minor| Money::new(minor, currency);
        ProductCard {
            id: self.product_id,
            handle: self.handle,
            title: self.title,
            vendor: self.vendor,
            product_type: self.product_type,
            prices: self
                .lowest_price
                .zip(self.highest_price)
                .map(|(low, high)| (money(low), money(high))),
            available: self.available == 1,
            image: self.image_src.map(|src| Image {
                src,
                alt: self.image_alt.unwrap_or_default(),
            }),
        }
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct CollectionRow {
    handle: String,
    title: String,
    products: i64,
    image_src: Option<String>,
}

impl From<CollectionRow> for CollectionCard {
    fn from(row: CollectionRow) -> Self {
        Self {
            collection: Collection {
                handle: row.handle,
                title: row.title,
            },
            products: row.products,
            image_src: row.image_src,
        }
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct ProductRow {
    pub(super) product_id: i64,
    pub(super) handle: String,
    pub(super) title: String,
    pub(super) body_html: String,
    pub(super) vendor: String,
    pub(super) product_type: String,
    pub(super) seo_title: String,
    pub(super) seo_description: String,
}

#[derive(sqlx::FromRow)]
pub(super) struct VariantRow {
    pub(super) variant_id: i64,
    pub(super) product_id: i64,
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
    sku: String,
    price: i64,
    compare_at: Option<i64>,
    available: i64,
    image_src: Option<String>,
}

impl VariantRow {
    pub(super) fn into_variant(self, currency: Currency) -> super::Variant {
        let money = |minor| Money::new(minor, currency);
        super::Variant {
            id: self.variant_id,
            options: [self.option1, self.option2, self.option3]
                .into_iter()
                .flatten()
                .collect(),
            sku: self.sku,
            price: money(self.price),
            compare_at: self.compare_at.map(money),
            available: self.available == 1,
            image: self.image_src,
        }
    }
}
