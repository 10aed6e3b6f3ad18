//! What a listing is asked for, read from and written to the query string of an address.

use super::{Cursor, Given, Words};
use crate::{
    money::{Currency, Money},
    shop::ShopError,
};

/// The longest text to search for, in characters.
const TEXT_CHARS: usize = 200;

/// A search and its filters. All that are given must hold; empty parameters count as not given, as forms send
/// them.
///
/// | parameter | meaning |
/// | --- | --- |
/// | `q` | words that title, vendor, type or tags must have; the last one may be a beginning |
/// | `vendor`, `type`, `tag` | exactly this value |
/// | `price_min`, `price_max` | bounds of the lowest price, inclusive, as decimals in the shop's currency |
/// | `price_min_minor`, `price_max_minor` | the same in minor units, for programs |
/// | `availability` | `in_stock` or `sold_out` |
/// | `sort` | `relevance` (default with `q`), `title` (default without), `price-asc`, `price-desc`, `newest` |
/// | `limit` | products of one page, 1 to 100 |
/// | `after` | where the page before ended, as its `next` said |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The text as it was typed, without spaces around it.
    pub text: String,
    /// Its words.
    pub words: Option<Words>,
    /// Only products of this vendor.
    pub vendor: Option<String>,
    /// Only products of this type.
    pub product_type: Option<String>,
    /// Only products with this tag.
    pub tag: Option<String>,
    /// Only products whose lowest price is at least this.
    pub price_min: Option<Money>,
    /// Only products whose lowest price is at most this.
    pub price_max: Option<Money>,
    /// Only products that can, or cannot, be bought now.
    pub availability: Option<Availability>,
    /// The order; `None` is the default of the listing.
    pub sort: Option<Sort>,
    /// How many products; `None` is the default of the listing.
    pub limit: Option<usize>,
    /// Where to go on.
    pub after: Option<Cursor>,
}

/// Whether something can be bought now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// At least one variant can be bought.
    InStock,
    /// None can.
    SoldOut,
}

/// The order of a listing. Equal ones are ordered by title, then by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Words in the title first, then in type or vendor, then in tags.
    Relevance,
    /// By title.
    Title,
    /// Cheapest first; products without a price last.
    PriceAscending,
    /// Dearest first; products without a price last.
    PriceDescending,
    /// Newest first.
    Newest,
}

impl Query {
    /// Reads the query string of an address: what stands behind the `?`.
    ///
    /// # Errors
    /// [`ShopError::InvalidRequest`] names the parameter and what is wrong with it. Parameters that are not
    /// known are left alone: links carry those of advertisers.
    pub fn parse(raw: &str, currency: Currency) -> Result<Self, ShopError> {
        let given = Given::read(raw)?;
        let text = given.text("q", TEXT_CHARS)?.unwrap_or_default();
        let query = Self {
            words: Words::asked(&text)?,
            text,
            vendor: given.filter("vendor")?,
            product_type: given.filter("type")?,
            tag: given.filter("tag")?,
            price_min: given.price("price_min", "price_min_minor", currency)?,
            price_max: given.price("price_max", "price_max_minor", currency)?,
            availability: given.word("availability", &Availability::WORDS)?,
            sort: given.word("sort", &Sort::WORDS)?,
            limit: given.limit()?,
            after: given
                .filter("after")?
                .as_deref()
                .map(Cursor::parse)
                .transpose()?,
        };
        match (query.price_min, query.price_max) {
            (Some(min), Some(max)) if min.minor() > max.minor() => {
                Err(ShopError::invalid("price_min", "it is above price_max"))
            }
            _ => Ok(query),
        }
    }

    /// Writes a query string that [`parse`](Self::parse) reads back; empty when nothing is asked for.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = form_urlencoded::Serializer::new(String::new());
        let mut add = |name, value: Option<&str>| {
            if let Some(value) = value {
                out.append_pair(name, value);
            }
        };
        add(
            "q",
            Some(self.text.as_str()).filter(|text| !text.is_empty()),
        );
        add("vendor", self.vendor.as_deref());
        add("type", self.product_type.as_deref());
        add("tag", self.tag.as_deref());
        add("price_min", self.price_min.map(decimal).as_deref());
        add("price_max", self.price_max.map(decimal).as_deref());
        add("availability", self.availability.map(Availability::word));
        add("sort", self.sort.map(Sort::word));
        add(
            "limit",
            self.limit.map(|limit| limit.to_string()).as_deref(),
        );
        add(
            "after",
            self.after.as_ref().map(ToString::to_string).as_deref(),
        );
        out.finish()
    }

    /// The order of the listing.
    #[must_use]
    pub fn order(&self) -> Sort {
        self.sort.unwrap_or(match self.words {
            Some(_) => Sort::Relevance,
            None => Sort::Title,
        })
    }

    /// Whether a filter narrows the listing, besides the text.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        self.vendor.is_some()
            || self.product_type.is_some()
            || self.tag.is_some()
            || self.price_min.is_some()
            || self.price_max.is_some()
            || self.availability.is_some()
    }
}

/// `12.50`: what [`Money::parse_price`] reads back in the same currency.
#[must_use]
pub fn decimal(price: Money) -> String {
    let text = price.to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

impl Availability {
    const WORDS: [(&'static str, Self); 2] =
        [("in_stock", Self::InStock), ("sold_out", Self::SoldOut)];

    /// Its word in addresses and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::InStock => "in_stock",
            Self::SoldOut => "sold_out",
        }
    }
}

impl Sort {
    /// All orders, by their words.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("relevance", Self::Relevance),
        ("title", Self::Title),
        ("price-asc", Self::PriceAscending),
        ("price-desc", Self::PriceDescending),
        ("newest", Self::Newest),
    ];

    /// Its word in addresses.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Title => "title",
            Self::PriceAscending => "price-asc",
            Self::PriceDescending => "price-desc",
            Self::Newest => "newest",
        }
    }
}
