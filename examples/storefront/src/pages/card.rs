use super::frame::initial;
use crate::shop::ProductCard;

/// A product in a grid.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its page.
    pub href: String,
    /// Its title.
    pub title: String,
    /// Who makes it; may be empty.
    pub vendor: String,
    /// Its price, or the least of them with the word *from*; empty when nothing can be bought.
    pub price: String,
    /// Its first picture.
    pub picture: Option<Picture>,
    /// What stands in for a picture.
    pub initial: String,
    /// Whether it is for sale, but none is left.
    pub sold_out: bool,
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Its address.
    pub src: String,
    /// What it shows, in words.
    pub alt: String,
}

impl Card {
    /// The card of a product.
    #[must_use]
    pub fn new(product: &ProductCard) -> Self {
        Self {
            href: format!("/products/{}", product.handle),
            title: product.title.clone(),
            vendor: product.vendor.clone(),
            price: match product.prices {
                None => String::new(),
                Some((low, high)) if low == high => low.pretty().to_string(),
                Some((low, _)) => format!("from {}", low.pretty()),
            },
            picture: product
                .image
                .as_ref()
                .map(|image| Picture::new(image.clone(), &product.title)),
            initial: initial(&product.title),
            sold_out: product.prices.is_some() && !product.available,
        }
    }
}

impl Picture {
    /// A picture of something that has a title, which describes it when nothing else does.
    pub(super) fn new(image: crate::import::Image, title: &str) -> Self {
        let crate::import::Image { src, alt } = image;
        let alt = if alt.is_empty() {
            title.to_owned()
        } else {
            alt
        };
        Self { src, alt }
    }
}
