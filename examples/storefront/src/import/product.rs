//! Products as the storefront knows them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::content_hash::ContentHash;
use crate::money::Money;

/// A product with all of its variants and images.
///
/// It is the whole truth about the product: what a file does not say, the
/// product does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Product {
    /// Its part of the address, `[a-z0-9-]+`; unique in a shop.
    pub handle: String,
    /// One line of text.
    pub title: String,
    /// Sanitised HTML, safe to put into a page as it is.
    pub body_html: String,
    /// Who makes it; may be empty.
    pub vendor: String,
    /// The shop's own word for what it is; may be empty.
    pub product_type: String,
    /// A path in a taxonomy, such as `Home & Garden > Vases`; may be empty.
    pub category: String,
    /// Without repetitions (whatever their case), in the order of the file.
    pub tags: Vec<String>,
    /// The collections that it is in, without repetitions.
    pub collections: Vec<Collection>,
    /// Whether it is published to the online shop.
    pub published: bool,
    /// Where it is in its life.
    pub status: Status,
    /// A title for search engines, when it differs; may be empty.
    pub seo_title: String,
    /// A description for search engines; may be empty.
    pub seo_description: String,
    /// Names of the options, at most three. None when there is nothing to
    /// choose.
    pub options: Vec<String>,
    /// In the order of the file. No two have the same option values. Empty
    /// when the product can be seen and not bought.
    pub variants: Vec<Variant>,
    /// In the order in which they are shown, without repetitions.
    pub images: Vec<Image>,
}

/// One thing that can be bought.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variant {
    /// A value for each option of the product. Together they tell the variants
    /// of a product apart; the SKU does not.
    pub options: Vec<String>,
    /// The merchant's number for it; may be empty, may be repeated.
    pub sku: String,
    /// What it costs, never negative.
    pub price: Money,
    /// What it cost before, when the shop shows that.
    pub compare_at: Option<Money>,
    /// Its weight, in grams; 0 when not said.
    pub grams: u32,
    /// A GTIN or another number on the package; may be empty.
    pub barcode: String,
    /// How many there are; `None` when nobody counts.
    pub quantity: Option<u32>,
    /// Whether it is sold when there are none left.
    pub policy: Policy,
    /// The address of its own image, which is also among the product's.
    pub image: Option<String>,
}

/// A picture of a product.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Image {
    /// Its address: `https:`, `http:`, or a path on the shop's own site.
    pub src: String,
    /// What it shows, in words; may be empty.
    pub alt: String,
}

/// A group of products that the merchant made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Collection {
    /// Its part of the address, made from the title. Titles of one handle are
    /// one collection.
    pub handle: String,
    /// One line of text.
    pub title: String,
}

/// Where a product is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// For sale.
    Active,
    /// Not ready to be seen.
    Draft,
    /// No longer sold.
    Archived,
}

/// What happens when a counted variant has run out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// It is not sold.
    Deny,
    /// It is sold and delivered later.
    Continue,
}

impl Product {
    /// Whether shop pages show it.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.published && self.status == Status::Active
    }

    /// What tells whether anything of the product has changed. Linear in its
    /// size.
    #[must_use]
    pub fn content_hash(&self) -> ContentHash {
        ContentHash::of(self)
    }
}

impl Variant {
    /// Whether it can be bought now.
    #[must_use]
    pub fn is_available(&self) -> bool {
        self.policy == Policy::Continue || self.quantity != Some(0)
    }
}
