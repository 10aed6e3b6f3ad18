use tenancy_types::TenantId;

use super::theme;
use crate::{import::Collection, money::Currency, shop::Shop};

/// What is around every page of a shop.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The shop's name.
    pub shop: String,
    /// Its first letter.
    pub initial: String,
    /// Its currency.
    pub currency: Currency,
    /// The number of its accent colour.
    pub accent: u32,
    /// The name of the stylesheet.
    pub stylesheet: &'static str,
    /// Its first collections.
    pub collections: Vec<Link>,
    /// What is in the search field.
    pub text: String,
}

/// A place to go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it says.
    pub label: String,
    /// Where it leads.
    pub href: String,
}

impl Frame {
    /// The frame of a shop's pages.
    #[must_use]
    pub fn new(tenant: TenantId, shop: &Shop, collections: &[Collection]) -> Self {
        Self {
            shop: shop.name.clone(),
            initial: initial(&shop.name),
            currency: shop.currency,
            accent: theme::accent(tenant),
            stylesheet: theme::stylesheet(),
            collections: collections.iter().map(Link::to_collection).collect(),
            text: String::new(),
        }
    }
}

impl Link {
    pub(super) fn to_collection(collection: &Collection) -> Self {
        Self {
            label: collection.title.clone(),
            href: format!("/collections/{}", collection.handle),
        }
    }
}

/// The first letter or digit of a name, for places where a picture is missing.
pub(super) fn initial(name: &str) -> String {
    let first = name.chars().find(|c| c.is_alphanumeric());
    first
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default()
}
