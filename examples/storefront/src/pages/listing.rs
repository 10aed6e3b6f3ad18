//! A page with many products: search results, a collection, the whole shop.

use askama::Template;

use super::{Card, Frame, Link, home::count};
use crate::shop::search::{Availability, Facets, Listing, PriceRange, Query, Sort, Value, decimal};

/// How many values of a facet a page shows.
const SHOWN: usize = 12;

/// A listing with its filters.
#[derive(Debug, Template)]
#[template(path = "listing.html")]
pub struct ListingPage {
    frame: Frame,
    heading: String,
    path: String,
    count: String,
    is_empty: bool,
    is_filtered: bool,
    /// The filters that hold, each with a link to the listing without it.
    chips: Vec<Link>,
    groups: Vec<Group>,
    orders: Vec<Order>,
    price_min: String,
    price_max: String,
    currency: &'static str,
    /// What the form for prices must keep.
    kept: Vec<(&'static str, String)>,
    products: Vec<Card>,
    next: Option<String>,
    /// The listing from its start, when this is not it.
    first: Option<String>,
    without_filters: String,
}

/// A facet: a heading and links that narrow the listing.
#[derive(Debug)]
struct Group {
    title: &'static str,
    links: Vec<Narrow>,
}

#[derive(Debug)]
struct Narrow {
    link: Link,
    products: i64,
}

#[derive(Debug)]
struct Order {
    link: Link,
    is_current: bool,
}

impl ListingPage {
    /// The page at `path` for what was asked.
    #[must_use]
    pub fn new(
        mut frame: Frame,
        heading: String,
        path: &str,
        query: &Query,
        listing: &Listing,
    ) -> Self {
        let links = Links { path, query };
        frame.text.clone_from(&query.text);
        Self {
            heading,
            path: path.to_owned(),
            count: count(listing.facets.total),
            is_empty: listing.facets.total == 0,
            is_filtered: query.is_filtered(),
            chips: links.chips(),
            groups: links.groups(&listing.facets),
            orders: links.orders(),
            price_min: query.price_min.map(decimal).unwrap_or_default(),
            price_max: query.price_max.map(decimal).unwrap_or_default(),
            currency: frame.currency.code(),
            kept: links.kept(),
            products: listing.products.iter().map(Card::new).collect(),
            next: listing
                .next
                .clone()
                .map(|next| links.to(|query| query.after = Some(next))),
            first: query.after.is_some().then(|| links.to(|_| ())),
            without_filters: links.to(|query| *query = unfiltered(query)),
            frame,
        }
    }
}

/// Addresses of the same listing with something changed.
struct Links<'a> {
    path: &'a str,
    query: &'a Query,
}

impl Links<'_> {
    /// The listing after a change, from its start unless the change says otherwise.
    fn to(&self, change: impl FnOnce(&mut Query)) -> String {
        let mut query = self.query.clone();
        query.after = None;
        change(&mut query);
        match query.write() {
            text if text.is_empty() => self.path.to_owned(),
            text => format!("{}?{text}", self.path),
        }
    }

    fn link(&self, label: impl Into<String>, change: impl FnOnce(&mut Query)) -> Link {
        let label = label.into();
        let href = self.to(change);
        Link { label, href }
    }

    fn chips(&self) -> Vec<Link> {
        let query = self.query;
        let mut chips = Vec::new();
        if let Some(vendor) = &query.vendor {
            chips.push(self.link(vendor, |query| query.vendor = None));
        }
        if let Some(product_type) = &query.product_type {
            chips.push(self.link(product_type, |query| query.product_type = None));
        }
        if let Some(tag) = &query.tag {
            chips.push(self.link(tag, |query| query.tag = None));
        }
        if let Some(availability) = query.availability {
            chips.push(self.link(words_for(availability), |query| query.availability = None));
        }
        let prices = match (query.price_min, query.price_max) {
            (None, None) => return chips,
            (Some(min), None) => format!("{} and more", min.pretty()),
            (None, Some(max)) => format!("up to {}", max.pretty()),
            (Some(min), Some(max)) => format!("{} to {}", min.pretty(), max.pretty()),
        };
        chips.push(self.link(prices, |query| {
            (query.price_min, query.price_max) = (None, None);
        }));
        chips
    }

    /// Facets that leave something to choose.
    fn groups(&self, facets: &Facets) -> Vec<Group> {
        let query = self.query;
        let mut groups = Vec::new();
        let mut add = |title, is_chosen: bool, links: Vec<Narrow>| {
            if !is_chosen && !links.is_empty() {
                groups.push(Group { title, links });
            }
        };
        let types = self.narrows(&facets.types, |query, value| {
            query.product_type = Some(value);
        });
        add("Type", query.product_type.is_some(), types);
        let vendors = self.narrows(&facets.vendors, |query, value| query.vendor = Some(value));
        add("Vendor", query.vendor.is_some(), vendors);
        let priced = query.price_min.is_some() || query.price_max.is_some();
        add("Price", priced, self.prices(facets));
        add(
            "Availability",
            query.availability.is_some(),
            self.availability(facets),
        );
        let tags = self.narrows(&facets.tags, |query, value| query.tag = Some(value));
        add("Tag", query.tag.is_some(), tags);
        groups
    }

    fn narrows(&self, values: &[Value], change: impl Fn(&mut Query, String)) -> Vec<Narrow> {
        let narrow = |value: &Value| Narrow {
            link: self.link(&value.value, |query| change(query, value.value.clone())),
            products: value.count,
        };
        values.iter().take(SHOWN).map(narrow).collect()
    }

    fn prices(&self, facets: &Facets) -> Vec<Narrow> {
        let narrow = |range: &PriceRange| {
            let label = match (range.min, range.max) {
                (None, None) => return None,
                (Some(min), None) => format!("{} and more", min.pretty()),
                (None, Some(max)) => format!("up to {}", max.pretty()),
                (Some(min), Some(max)) => format!("{} to {}", min.pretty(), max.pretty()),
            };
            let change =
                |query: &mut Query| (query.price_min, query.price_max) = (range.min, range.max);
            let (link, products) = (self.link(label, change), range.count);
            Some(Narrow { link, products })
        };
        facets.prices.iter().filter_map(narrow).collect()
    }

    fn availability(&self, facets: &Facets) -> Vec<Narrow> {
        let narrow = |(availability, products)| {
            let change = |query: &mut Query| query.availability = Some(availability);
            let link = self.link(words_for(availability), change);
            Narrow { link, products }
        };
        let counts =
            [Availability::InStock, Availability::SoldOut].map(|a| (a, facets.available(a)));
        // When all are alike, there is nothing to choose.
        if counts.iter().any(|(_, products)| *products == 0) {
            return Vec::new();
        }
        counts.into_iter().map(narrow).collect()
    }

    fn orders(&self) -> Vec<Order> {
        let orders = [
            (Sort::Relevance, "Best match"),
            (Sort::Title, "A to Z"),
            (Sort::PriceAscending, "Price, low to high"),
            (Sort::PriceDescending, "Price, high to low"),
            (Sort::Newest, "Newest"),
        ];
        let has_words = self.query.words.is_some();
        let fitting = orders
            .into_iter()
            .filter(|(sort, _)| has_words || *sort != Sort::Relevance);
        let order = |(sort, label)| Order {
            link: self.link(label, |query| query.sort = Some(sort)),
            is_current: self.query.order() == sort,
        };
        fitting.map(order).collect()
    }

    /// The parameters besides prices and place, for a form.
    fn kept(&self) -> Vec<(&'static str, String)> {
        let query = self.query;
        [
            (
                "q",
                Some(query.text.clone()).filter(|text| !text.is_empty()),
            ),
            ("vendor", query.vendor.clone()),
            ("type", query.product_type.clone()),
            ("tag", query.tag.clone()),
            (
                "availability",
                query.availability.map(|a| a.word().to_owned()),
            ),
            ("sort", query.sort.map(|sort| sort.word().to_owned())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

fn unfiltered(query: &Query) -> Query {
    Query {
        text: query.text.clone(),
        words: query.words.clone(),
        sort: query.sort,
        ..Query::default()
    }
}

fn words_for(availability: Availability) -> &'static str {
    match availability {
        Availability::InStock => "In stock",
        Availability::SoldOut => "Sold out",
    }
}

/// The heading of a search.
#[must_use]
pub fn search_heading(query: &Query) -> String {
    match query.text.as_str() {
        "" => "All products".to_owned(),
        text => format!("Results for “{text}”"),
    }
}
