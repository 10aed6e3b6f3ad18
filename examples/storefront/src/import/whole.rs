//! A whole product as the operator API takes and gives it, checked as a row of a file is.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Limits, RowError, cells, html,
    product::{Image, Policy, Product, Status, Variant},
};
use crate::money::{Currency, Money};

/// The greatest count of stock or weight, as in a file.
const MOST: u32 = i32::MAX as u32;
/// How many options a product may have.
const OPTIONS: usize = 3;

/// A product with all of its variants and images: what it leaves out, the product does not have.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WholeProduct {
    /// One line of text.
    pub title: String,
    /// HTML; what a page must not show is taken out.
    #[serde(default)]
    pub body_html: String,
    /// Who makes it.
    #[serde(default)]
    pub vendor: String,
    /// The shop's own word for what it is.
    #[serde(default, rename = "type")]
    pub product_type: String,
    /// A path in a taxonomy, such as `Home & Garden > Vases`.
    #[serde(default)]
    pub category: String,
    /// In the order in which they are shown. A comma ends a tag.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Titles of the collections that it is in.
    #[serde(default)]
    pub collections: Vec<String>,
    /// Whether it is published to the online shop.
    #[serde(default = "yes")]
    pub published: bool,
    /// Where it is in its life.
    #[serde(default = "active")]
    pub status: Status,
    /// A title for search engines, when it differs.
    #[serde(default)]
    pub seo_title: String,
    /// A description for search engines.
    #[serde(default)]
    pub seo_description: String,
    /// Names of the options, at most three.
    #[serde(default)]
    pub options: Vec<String>,
    /// In the order in which they are shown. Without any it can be seen and not bought.
    #[serde(default)]
    pub variants: Vec<WholeVariant>,
    /// In the order in which they are shown.
    #[serde(default)]
    pub images: Vec<WholeImage>,
}

/// One thing that can be bought.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WholeVariant {
    /// Its number in answers. In a request it says nothing: the option values tell which variant it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    /// A value for each option of the product.
    #[serde(default)]
    pub options: Vec<String>,
    /// The merchant's number for it.
    #[serde(default)]
    pub sku: String,
    /// What it costs, in minor units of the shop's currency.
    pub price_minor: i64,
    /// What it cost before.
    #[serde(default)]
    pub compare_at_minor: Option<i64>,
    /// Its weight.
    #[serde(default)]
    pub grams: u32,
    /// A GTIN or another number on the package.
    #[serde(default)]
    pub barcode: String,
    /// How many there are when it is counted; null when nobody counts.
    #[serde(default)]
    pub quantity: Option<u32>,
    /// Whether it is sold when there are none left.
    #[serde(default = "deny")]
    pub policy: Policy,
    /// The address of its own image.
    #[serde(default)]
    pub image: Option<String>,
}

/// A picture.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WholeImage {
    /// Its address: `https:`, `http:`, or a path on the shop's own site.
    pub src: String,
    /// What it shows, in words.
    #[serde(default)]
    pub alt: String,
}

const fn yes() -> bool {
    true
}

const fn active() -> Status {
    Status::Active
}

const fn deny() -> Policy {
    Policy::Deny
}

/// What is wrong with a product, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct InvalidProduct {
    field: String,
    reason: String,
}

/// The fault in a field.
fn at(field: impl Into<String>) -> impl FnOnce(RowError) -> InvalidProduct {
    |error| wrong(field, error.to_string())
}

fn wrong(field: impl Into<String>, reason: impl Into<String>) -> InvalidProduct {
    InvalidProduct {
        field: field.into(),
        reason: reason.into(),
    }
}

impl WholeProduct {
    /// The product of this handle in a shop whose prices are in `currency`.
    ///
    /// It computes and never waits; a description made to be slow takes long, see
    /// [`Importer`](super::Importer).
    ///
    /// # Errors
    /// [`InvalidProduct`] names the first field that a row of a file could not have either.
    pub fn checked(
        &self,
        handle: &str,
        currency: Currency,
        limits: &Limits,
    ) -> Result<Product, InvalidProduct> {
        let written = cells::handle(handle, limits.text_chars).map_err(at("handle"))?;
        if written != handle {
            return Err(wrong("handle", format!("it is written {written:?}")));
        }
        let line = |field: &str, text: &str| {
            cells::line(text.trim(), limits.text_chars).map_err(at(field))
        };
        let title = line("title", &self.title)?;
        if title.is_empty() {
            return Err(wrong("title", "a product needs a title"));
        }
        let tags = cells::tags(
            &self.tags.join(","),
            limits.text_chars,
            limits.tags_per_product,
        );
        // A description is a paragraph rather than a name.
        let seo_description = cells::line(self.seo_description.trim(), limits.text_chars * 4);
        let mut product = Product {
            handle: written,
            title,
            body_html: html::sanitised(self.body_html.trim(), limits).map_err(at("body_html"))?,
            vendor: line("vendor", &self.vendor)?,
            product_type: line("type", &self.product_type)?,
            category: line("category", &self.category)?,
            tags: tags.map_err(at("tags"))?,
            collections: Vec::new(),
            published: self.published,
            status: self.status,
            seo_title: line("seo_title", &self.seo_title)?,
            seo_description: seo_description.map_err(at("seo_description"))?,
            options: self.option_names(limits)?,
            variants: Vec::new(),
            images: Vec::new(),
        };
        self.collect(&mut product, limits)?;
        self.sell(&mut product, currency, limits)?;
        self.depict(&mut product, limits)?;
        Ok(product)
    }

    fn option_names(&self, limits: &Limits) -> Result<Vec<String>, InvalidProduct> {
        let mut names = Vec::with_capacity(OPTIONS);
        for name in &self.options {
            let name = cells::line(name.trim(), limits.text_chars).map_err(at("options"))?;
            if name.is_empty() {
                return Err(wrong("options", "an option needs a name"));
            }
            if names.contains(&name) {
                return Err(at("options")(RowError::OptionNameRepeated { name }));
            }
            names.push(name);
        }
        if names.len() > OPTIONS {
            return Err(wrong("options", format!("at most {OPTIONS} options")));
        }
        Ok(names)
    }

    fn collect(&self, product: &mut Product, limits: &Limits) -> Result<(), InvalidProduct> {
        // A file has one collection a row.
        if self.collections.len() > limits.rows_per_product {
            let limit = limits.rows_per_product;
            return Err(wrong("collections", format!("at most {limit} collections")));
        }
        let mut seen = HashSet::new();
        for title in &self.collections {
            let title = cells::line(title.trim(), limits.text_chars).map_err(at("collections"))?;
            if title.is_empty() {
                return Err(wrong("collections", "a collection needs a title"));
            }
            let collection = cells::collection(title);
            if seen.insert(collection.handle.clone()) {
                product.collections.push(collection);
            }
        }
        Ok(())
    }

    fn sell(
        &self,
        product: &mut Product,
        currency: Currency,
        limits: &Limits,
    ) -> Result<(), InvalidProduct> {
        let limit = limits.rows_per_product;
        if self.variants.len() > limit {
            return Err(wrong("variants", format!("at most {limit} variants")));
        }
        let mut seen = HashSet::new();
        for (index, variant) in self.variants.iter().enumerate() {
            let checked = variant.checked(&product.options, currency, limits);
            let checked = checked.map_err(|fault| InvalidProduct {
                field: format!("variants[{index}].{}", fault.field),
                ..fault
            })?;
            if !seen.insert(checked.options.clone()) {
                let field = format!("variants[{index}].options");
                return Err(wrong(field, "another variant has the same option values"));
            }
            product.variants.push(checked);
        }
        Ok(())
    }

    /// The images that it names, then those that only variants name.
    fn depict(&self, product: &mut Product, limits: &Limits) -> Result<(), InvalidProduct> {
        let mut seen = HashSet::new();
        for (index, image) in self.images.iter().enumerate() {
            let field = format!("images[{index}]");
            let src = cells::image_url(image.src.trim(), limits.url_chars);
            let alt = cells::line(image.alt.trim(), limits.text_chars * 4);
            let (src, alt) = src
                .and_then(|src| Ok((src, alt?)))
                .map_err(at(field.as_str()))?;
            if !seen.insert(src.clone()) {
                return Err(wrong(field, "another image has the same address"));
            }
            product.images.push(Image { src, alt });
        }
        for src in product
            .variants
            .iter()
            .filter_map(|variant| variant.image.clone())
        {
            if seen.insert(src.clone()) {
                let alt = String::new();
                product.images.push(Image { src, alt });
            }
        }
        let limit = limits.images_per_product;
        if product.images.len() > limit {
            return Err(at("images")(RowError::TooManyImages { limit }));
        }
        Ok(())
    }
}

impl WholeVariant {
    fn checked(
        &self,
        names: &[String],
        currency: Currency,
        limits: &Limits,
    ) -> Result<Variant, InvalidProduct> {
        let line = |field: &str, text: &str| {
            cells::line(text.trim(), limits.text_chars).map_err(at(field))
        };
        let image = self
            .image
            .as_deref()
            .map(|text| cells::image_url(text.trim(), limits.url_chars).map_err(at("image")));
        // As in a file, 0 is no earlier price.
        let compare_at = self.compare_at_minor.filter(|minor| *minor != 0);
        let compare_at = compare_at.map(|minor| price("compare_at_minor", minor, currency));
        Ok(Variant {
            options: self.option_values(names, limits)?,
            sku: line("sku", &self.sku)?,
            price: price("price_minor", self.price_minor, currency)?,
            compare_at: compare_at.transpose()?,
            grams: bounded("grams", self.grams)?,
            barcode: line("barcode", &self.barcode)?,
            quantity: self
                .quantity
                .map(|quantity| bounded("quantity", quantity))
                .transpose()?,
            policy: self.policy,
            image: image.transpose()?,
        })
    }

    fn option_values(
        &self,
        names: &[String],
        limits: &Limits,
    ) -> Result<Vec<String>, InvalidProduct> {
        if self.options.len() != names.len() {
            let (found, expected) = (self.options.len(), names.len());
            let reason = format!("{found} values for {expected} options");
            return Err(wrong("options", reason));
        }
        let mut values = Vec::with_capacity(names.len());
        for (name, value) in names.iter().zip(&self.options) {
            let value = cells::line(value.trim(), limits.text_chars).map_err(at("options"))?;
            if value.is_empty() {
                let name = name.clone();
                return Err(at("options")(RowError::OptionValueMissing { name }));
            }
            values.push(value);
        }
        Ok(values)
    }
}

fn price(field: &str, minor: i64, currency: Currency) -> Result<Money, InvalidProduct> {
    if minor < 0 {
        return Err(wrong(field, "a price is not negative"));
    }
    Ok(Money::new(minor, currency))
}

fn bounded(field: &str, number: u32) -> Result<u32, InvalidProduct> {
    if number > MOST {
        return Err(wrong(field, format!("it is at most {MOST}")));
    }
    Ok(number)
}
