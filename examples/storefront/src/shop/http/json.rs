//! The documents of the API.

use serde::Serialize;

use crate::shop::{
    Product, ProductCard, Variant,
    catalog::Sold,
    search::{Availability, Facets, PriceRange, Value},
};

/// Products, and where the next ones begin.
#[derive(Debug, Serialize)]
pub(super) struct ProductList {
    pub(super) products: Vec<ProductDocument>,
    /// For the parameter `after`; null at the end.
    pub(super) next: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) facets: Option<FacetsDocument>,
}

#[derive(Debug, Serialize)]
pub(super) struct ProductDocument {
    handle: String,
    title: String,
    vendor: String,
    #[serde(rename = "type")]
    product_type: String,
    tags: Vec<String>,
    variants: Vec<VariantDocument>,
}

#[derive(Debug, Serialize)]
struct VariantDocument {
    /// A text: ids have 63 bits, and a number of JSON keeps 53 in many programs.
    variant_id: String,
    sku: String,
    options: Vec<String>,
    price_minor: i64,
    currency: &'static str,
    available: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct FacetsDocument {
    vendor: Vec<ValueDocument>,
    #[serde(rename = "type")]
    product_type: Vec<ValueDocument>,
    tag: Vec<ValueDocument>,
    availability: Vec<ValueDocument>,
    price: Vec<PriceDocument>,
}

#[derive(Debug, Serialize)]
struct ValueDocument {
    value: String,
    count: i64,
}

/// A range; both bounds belong to it, and null is no bound.
#[derive(Debug, Serialize)]
struct PriceDocument {
    price_min_minor: Option<i64>,
    price_max_minor: Option<i64>,
    count: i64,
}

impl ProductDocument {
    pub(super) fn of_card(card: ProductCard, sold: Sold) -> Self {
        Self {
            handle: card.handle,
            title: card.title,
            vendor: card.vendor,
            product_type: card.product_type,
            tags: sold.tags,
            variants: sold
                .variants
                .into_iter()
                .map(VariantDocument::from)
                .collect(),
        }
    }
}

impl From<Product> for ProductDocument {
    fn from(product: Product) -> Self {
        Self {
            handle: product.handle,
            title: product.title,
            vendor: product.vendor,
            product_type: product.product_type,
            tags: product.tags,
            variants: product
                .variants
                .into_iter()
                .map(VariantDocument::from)
                .collect(),
        }
    }
}

impl From<Variant> for VariantDocument {
    fn from(variant: Variant) -> Self {
        Self {
            variant_id: variant.id.to_string(),
            sku: variant.sku,
            options: variant.options,
            price_minor: variant.price.minor(),
            currency: variant.price.currency().code(),
            available: variant.available,
        }
    }
}

impl From<Facets> for FacetsDocument {
    fn from(facets: Facets) -> Self {
        let availability =
            [Availability::InStock, Availability::SoldOut].map(|availability| ValueDocument {
                value: availability.word().to_owned(),
                count: facets.available(availability),
            });
        Self {
            availability: availability
                .into_iter()
                .filter(|value| value.count > 0)
                .collect(),
            vendor: values(facets.vendors),
            product_type: values(facets.types),
            tag: values(facets.tags),
            price: facets.prices.iter().map(PriceDocument::from).collect(),
        }
    }
}

fn values(values: Vec<Value>) -> Vec<ValueDocument> {
    let document = |Value { value, count }| ValueDocument { value, count };
    values.into_iter().map(document).collect()
}

impl From<&PriceRange> for PriceDocument {
    fn from(range: &PriceRange) -> Self {
        Self {
            price_min_minor: range.min.map(crate::money::Money::minor),
            price_max_minor: range.max.map(crate::money::Money::minor),
            count: range.count,
        }
    }
}
