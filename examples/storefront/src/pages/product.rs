//! A product's page, and how a variant is chosen on it.

use std::collections::HashMap;

use askama::Template;

use super::{Card, Frame, Link, Picture};
use crate::{
    import::Image,
    shop::{Product, Variant},
};

/// The page of a product, with one of its variants chosen.
#[derive(Debug, Template)]
#[template(path = "product.html")]
pub struct ProductPage {
    frame: Frame,
    handle: String,
    title: String,
    head_title: String,
    description: String,
    vendor: Option<Link>,
    product_type: Option<Link>,
    /// Sanitised when it was imported.
    body_html: String,
    tags: Vec<Link>,
    pictures: Vec<Picture>,
    initial: String,
    offer: Option<Offer>,
    choices: Vec<Choice>,
    related: Vec<Card>,
}

/// What the chosen variant costs, and whether it can be bought.
#[derive(Debug)]
struct Offer {
    variant_id: i64,
    price: String,
    was: String,
    sku: String,
    available: bool,
}

/// An option and its values.
#[derive(Debug, PartialEq, Eq)]
struct Choice {
    name: String,
    chosen: String,
    values: Vec<ChoiceValue>,
}

#[derive(Debug, PartialEq, Eq)]
struct ChoiceValue {
    label: String,
    /// The variant that choosing it leads to.
    variant_id: i64,
    is_chosen: bool,
    available: bool,
}

impl ProductPage {
    /// The page. `chosen` is the variant that the address names; without one it is the first that can be
    /// bought.
    #[must_use]
    pub fn new(frame: Frame, product: Product, chosen: Option<i64>) -> Self {
        let chosen = choose(&product.variants, chosen);
        let head_title = non_empty(&product.seo_title)
            .unwrap_or(&product.title)
            .to_owned();
        let description = non_empty(&product.seo_description)
            .unwrap_or(&product.title)
            .to_owned();
        Self {
            choices: choices(&product, chosen),
            offer: chosen.map(Offer::new),
            pictures: pictures(&product, chosen),
            initial: super::frame::initial(&product.title),
            vendor: filter_link("vendor", &product.vendor),
            product_type: filter_link("type", &product.product_type),
            tags: product
                .tags
                .iter()
                .filter_map(|tag| filter_link("tag", tag))
                .collect(),
            frame,
            handle: product.handle,
            title: product.title,
            head_title,
            description,
            body_html: product.body_html,
            related: Vec::new(),
        }
    }

    /// The page with products that may please as well.
    #[must_use]
    pub fn related(mut self, products: &[crate::shop::ProductCard]) -> Self {
        let others = products
            .iter()
            .filter(|product| product.handle != self.handle);
        self.related = others.take(4).map(Card::new).collect();
        self
    }
}

impl Offer {
    fn new(variant: &Variant) -> Self {
        let was = variant
            .compare_at
            .filter(|was| was.minor() > variant.price.minor());
        Self {
            variant_id: variant.id,
            price: variant.price.pretty().to_string(),
            was: was.map(|was| was.pretty().to_string()).unwrap_or_default(),
            sku: variant.sku.clone(),
            available: variant.available,
        }
    }
}

fn choose(variants: &[Variant], wanted: Option<i64>) -> Option<&Variant> {
    let named = wanted.and_then(|id| variants.iter().find(|variant| variant.id == id));
    named
        .or_else(|| variants.iter().find(|variant| variant.available))
        .or(variants.first())
}

/// For each option its values, in the order in which the variants bring them. A value leads to the variant
/// that keeps most of what is chosen now, before that to one that can be bought. Linear in the variants.
fn choices(product: &Product, chosen: Option<&Variant>) -> Vec<Choice> {
    let Some(chosen) = chosen else {
        return Vec::new();
    };
    let choice = |(index, name): (usize, &String)| Choice {
        name: name.clone(),
        chosen: chosen.options.get(index).cloned().unwrap_or_default(),
        values: values(product, chosen, index),
    };
    product.options.iter().enumerate().map(choice).collect()
}

fn values(product: &Product, chosen: &Variant, index: usize) -> Vec<ChoiceValue> {
    let mut order: Vec<&str> = Vec::new();
    let mut best: HashMap<&str, (usize, &Variant)> = HashMap::new();
    for variant in &product.variants {
        let Some(value) = variant.options.get(index) else {
            continue;
        };
        let kept = variant
            .options
            .iter()
            .zip(&chosen.options)
            .filter(|(a, b)| a == b)
            .count();
        let rank = kept * 2 + usize::from(variant.available);
        let known = best.get(value.as_str()).map(|(rank, _)| *rank);
        if known.is_none() {
            order.push(value);
        }
        if known.is_none_or(|known| known < rank) {
            best.insert(value, (rank, variant));
        }
    }
    let value = |label: &str| ChoiceValue {
        label: label.to_owned(),
        variant_id: best[label].1.id,
        is_chosen: chosen
            .options
            .get(index)
            .is_some_and(|chosen| chosen == label),
        available: best[label].1.available,
    };
    order.into_iter().map(value).collect()
}

/// The product's pictures, that of the chosen variant first.
fn pictures(product: &Product, chosen: Option<&Variant>) -> Vec<Picture> {
    let mut images: Vec<&Image> = product.images.iter().collect();
    if let Some(src) = chosen.and_then(|variant| variant.image.as_ref()) {
        images.sort_by_key(|image| image.src != *src);
    }
    images
        .into_iter()
        .map(|image| Picture::new(image.clone(), &product.title))
        .collect()
}

fn filter_link(parameter: &str, value: &str) -> Option<Link> {
    let label = non_empty(value)?.to_owned();
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair(parameter, &label);
    let href = format!("/search?{}", query.finish());
    Some(Link { label, href })
}

fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
