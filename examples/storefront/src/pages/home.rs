use askama::Template;

use super::{Card, Frame, Link, frame::initial};
use crate::shop::{CollectionCard, ProductCard};

/// A shop's first page.
#[derive(Debug, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    frame: Frame,
    collections: Vec<CollectionTile>,
    newest: Vec<Card>,
}

#[derive(Debug)]
struct CollectionTile {
    link: Link,
    count: String,
    picture: Option<String>,
    initial: String,
}

impl HomePage {
    /// The page with these collections and products.
    #[must_use]
    pub fn new(frame: Frame, collections: &[CollectionCard], newest: &[ProductCard]) -> Self {
        Self {
            frame,
            collections: collections.iter().map(CollectionTile::new).collect(),
            newest: newest.iter().map(Card::new).collect(),
        }
    }
}

impl CollectionTile {
    fn new(card: &CollectionCard) -> Self {
        Self {
            link: Link::to_collection(&card.collection),
            count: count(card.products),
            picture: card.image_src.clone(),
            initial: initial(&card.collection.title),
        }
    }
}

/// `1 product`, `12 products`.
pub(super) fn count(products: i64) -> String {
    match products {
        1 => "1 product".to_owned(),
        products => format!("{products} products"),
    }
}
