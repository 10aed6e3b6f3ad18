//! Search: what is found, in which order, and how it is counted.

use std::collections::BTreeMap;

use http::StatusCode;
use proptest::prelude::*;
use serde_json::Value;
use storefront::import::Product;

use crate::shop_world::{World, collection, on_both, product, variant};

/// Title, vendor, type, tags, price in minor units (none: nothing to buy), in stock.
type Row<'a> = (&'a str, &'a str, &'a str, &'a [&'a str], Option<i64>, bool);

const SHELF: [Row<'static>; 8] = [
    (
        "Blue mug",
        "Kiln",
        "Mugs",
        &["gift", "stoneware"],
        Some(1_200),
        true,
    ),
    (
        "Café au lait bowl",
        "Kiln",
        "Bowls",
        &["breakfast"],
        Some(2_400),
        true,
    ),
    (
        "Muggle puzzle",
        "Games",
        "Toys",
        &["gift"],
        Some(1_999),
        false,
    ),
    ("Plate", "Mug & Sons", "Plates", &["blue"], Some(900), true),
    (
        "Saucer",
        "Kiln",
        "Saucers",
        &["mug", "blue"],
        Some(500),
        true,
    ),
    ("Straße poster", "Print", "Posters", &[], Some(5_000), true),
    ("靴下", "Yama", "Socks", &["青"], Some(1_500), true),
    ("Window display", "Print", "", &["blue"], None, true),
];

fn shelved((title, vendor, kind, tags, price, in_stock): &Row<'_>, handle: &str) -> Product {
    let mut product = product(handle, title);
    product.vendor = (*vendor).into();
    product.product_type = (*kind).into();
    product.tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
    product.variants = price.iter().map(|price| variant(&[], *price)).collect();
    for variant in &mut product.variants {
        variant.quantity = Some(u32::from(*in_stock));
    }
    product
}

async fn stock(world: &World) {
    for (number, row) in SHELF.iter().enumerate() {
        world.put(1, &shelved(row, &format!("p{number}"))).await;
    }
}

fn titles(json: &Value) -> Vec<&str> {
    let products = json["products"].as_array().unwrap();
    products
        .iter()
        .map(|product| product["title"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn results_are_ranked_by_field_then_title() {
    on_both(async |world| {
        stock(world).await;
        for (query, expect) in [
            // In the title, as a word before as a beginning; in the vendor; in a tag.
            (
                "q=mug",
                &["Blue mug", "Muggle puzzle", "Plate", "Saucer"][..],
            ),
            ("q=MUG", &["Blue mug", "Muggle puzzle", "Plate", "Saucer"]),
            // Only the last word may be a beginning.
            ("q=mug+b", &[]),
            ("q=mug+bl", &["Blue mug", "Plate", "Saucer"]),
            ("q=mu+blue", &[]),
            ("q=blue+mu", &["Blue mug", "Plate", "Saucer"]),
            ("q=mug+mug+blue", &["Blue mug", "Plate", "Saucer"]),
            // All words must be there.
            ("q=blue+plate", &["Plate"]),
            ("q=blue+bowl", &[]),
            // Accents and case do not matter.
            ("q=cafe", &["Café au lait bowl"]),
            ("q=CAF%C3%89+LAIT", &["Café au lait bowl"]),
            ("q=strasse", &["Straße poster"]),
            // A character is a word where words have no spaces.
            ("q=%E9%9D%B4", &["靴下"]),
            ("q=%E4%B8%8B%E9%9D%92", &["靴下"]),
            // What no word can match.
            ("q=%21%21%21", &[]),
            ("q=%25", &[]),
            ("q=m%25g", &[]),
            ("q=m", &[]),
            ("q='+or+1=1", &[]),
            // Filters.
            (
                "vendor=Kiln&sort=title",
                &["Blue mug", "Café au lait bowl", "Saucer"],
            ),
            ("q=mug&vendor=Kiln", &["Blue mug", "Saucer"]),
            ("vendor=kiln", &[]),
            ("type=Toys", &["Muggle puzzle"]),
            ("tag=gift", &["Blue mug", "Muggle puzzle"]),
            ("tag=gift&availability=sold_out", &["Muggle puzzle"]),
            ("price_min=12&price_max=15.00", &["Blue mug", "靴下"]),
            ("price_min_minor=1200&price_max_minor=1499", &["Blue mug"]),
            ("price_max=9", &["Plate", "Saucer"]),
            ("price_min=0&q=blue", &["Blue mug", "Plate", "Saucer"]),
            ("q=blue", &["Blue mug", "Plate", "Saucer", "Window display"]),
            // Orders.
            (
                "q=blue&sort=price-asc",
                &["Saucer", "Plate", "Blue mug", "Window display"],
            ),
            (
                "q=blue&sort=price-desc",
                &["Blue mug", "Plate", "Saucer", "Window display"],
            ),
            (
                "q=blue&sort=newest",
                &["Window display", "Saucer", "Plate", "Blue mug"],
            ),
            // Empty parameters are those of a form that was not filled in, unknown ones are of others.
            (
                "q=&vendor=&price_min=&tag=gift&utm_source=mail",
                &["Blue mug", "Muggle puzzle"],
            ),
        ] {
            let answer = world.get(1, &format!("/api/search?{query}")).await;
            assert_eq!(titles(&answer.json()), expect, "{query}");
            let page = world.browse(1, &format!("/search?{query}")).await;
            assert_eq!(page.status, StatusCode::OK, "{query}");
            for title in expect {
                assert!(page.body.contains(title), "{query}: {title}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_told_why() {
    on_both(async |world| {
        for (query, expect) in [
            (
                format!("q={}", "x".repeat(201)),
                "q: it is longer than 200 characters",
            ),
            (
                format!("q={}", "ab+cd+ef+gh+ij+kl+mn+op+qr+st+uv+wx+yz+ba+dc+fe+hg")[..52]
                    .to_owned(),
                "q: it has more than 16 words",
            ),
            (
                "limit=0".into(),
                "limit: it is not a whole number from 1 to 100",
            ),
            (
                "limit=101".into(),
                "limit: it is not a whole number from 1 to 100",
            ),
            (
                "limit=ten".into(),
                "limit: it is not a whole number from 1 to 100",
            ),
            (
                "after=nowhere".into(),
                "after: it is not a value that this list gave",
            ),
            (
                "sort=best".into(),
                "sort: it is not one of relevance, title, price-asc, price-desc, newest",
            ),
            (
                "availability=maybe".into(),
                "availability: it is not one of in_stock, sold_out",
            ),
            (
                "price_min=-1".into(),
                "price_min: \"-1\" is negative, a price is not",
            ),
            (
                "price_min_minor=1.5".into(),
                "price_min_minor: it is not a whole number of at least 0",
            ),
            (
                "price_min=1&price_min_minor=100".into(),
                "price_min_minor: price_min says the same: give one of them",
            ),
            (
                "price_min=2&price_max=1".into(),
                "price_min: it is above price_max",
            ),
            (
                "vendor=a&vendor=b".into(),
                "vendor: it is given more than once",
            ),
            ("tag=%00".into(), "tag: it is not text in UTF-8"),
            ("q=%ff".into(), "q: it is not text in UTF-8"),
        ] {
            let answer = world.get(1, &format!("/api/search?{query}")).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
            let json: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!(json["error"]["code"], "invalid_request", "{query}");
            assert_eq!(json["error"]["message"], expect, "{query}");
            let page = world.browse(1, &format!("/search?{query}")).await;
            assert_eq!(page.status, StatusCode::BAD_REQUEST, "{query}");
            assert!(page.body.starts_with("<!doctype html>"), "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn pages_of_any_size_make_the_same_list() {
    on_both(async |world| {
        stock(world).await;
        for path in [
            "/api/products?",
            "/api/search?",
            "/api/search?q=mu&",
            "/api/search?sort=price-desc&",
        ] {
            let whole = world.get(1, &format!("{path}limit=100")).await;
            assert_eq!(whole.json()["next"], Value::Null, "{path}");
            for limit in [1, 2, 3, 4, 8] {
                let mut paged = Vec::new();
                let mut after = String::new();
                loop {
                    let page = world
                        .get(1, &format!("{path}limit={limit}&after={after}"))
                        .await;
                    assert!(page.handles().len() <= limit);
                    paged.extend(page.handles());
                    match page.json()["next"].as_str() {
                        Some(next) => {
                            after = form_urlencoded::byte_serialize(next.as_bytes()).collect();
                        }
                        None => break,
                    }
                }
                assert_eq!(paged, whole.handles(), "{path} by {limit}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_collection_is_a_listing_with_the_same_filters() {
    on_both(async |world| {
        for (number, row) in SHELF.iter().enumerate() {
            let mut product = shelved(row, &format!("p{number}"));
            product.collections = vec![collection("blue-things", "Blue things")];
            product
                .collections
                .truncate(usize::from(row.3.contains(&"blue")));
            world.put(1, &product).await;
        }
        let page = world.browse(1, "/collections/blue-things").await;
        assert!(page.body.contains("3 products") && page.body.contains("Plate"));
        assert!(!page.body.contains("Muggle puzzle"));
        let page = world
            .browse(1, "/collections/blue-things?q=saucer&price_max=6")
            .await;
        assert!(
            page.body.contains("1 product<")
                && page.body.contains("/collections/blue-things?q=saucer")
        );
        assert_eq!(
            world.browse(1, "/collections/none").await.status,
            StatusCode::NOT_FOUND
        );
    })
    .await;
}

/// What a listing should say of some products, counted one by one.
fn counted(products: &[Product], query: &str) -> BTreeMap<(&'static str, String), i64> {
    let given: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let lowest = |product: &Product| {
        product
            .variants
            .iter()
            .map(|variant| variant.price.minor())
            .min()
    };
    let mut counts = BTreeMap::new();
    for product in products {
        let price = lowest(product);
        let passes = given.iter().all(|(name, value)| match name.as_str() {
            "q" => product
                .title
                .to_lowercase()
                .split(' ')
                .any(|word| word.starts_with(value)),
            "vendor" => product.vendor == *value,
            "tag" => product.tags.contains(value),
            "price_min_minor" => price.is_some_and(|price| price >= value.parse().unwrap()),
            "price_max_minor" => price.is_some_and(|price| price <= value.parse().unwrap()),
            _ => panic!("{name} is not counted"),
        });
        if !passes {
            continue;
        }
        let mut count =
            |facet, value: &str| *counts.entry((facet, value.to_owned())).or_default() += 1;
        if !product.vendor.is_empty() {
            count("vendor", &product.vendor);
        }
        if !product.product_type.is_empty() {
            count("type", &product.product_type);
        }
        for tag in &product.tags {
            count("tag", tag);
        }
        let sold_out = !product
            .variants
            .iter()
            .any(storefront::import::Variant::is_available);
        count(
            "availability",
            if sold_out { "sold_out" } else { "in_stock" },
        );
    }
    counts
}

fn answered(facets: &Value) -> BTreeMap<(&'static str, String), i64> {
    let mut counts = BTreeMap::new();
    for facet in ["vendor", "type", "tag", "availability"] {
        for value in facets[facet].as_array().unwrap() {
            let key = (facet, value["value"].as_str().unwrap().to_owned());
            counts.insert(key, value["count"].as_i64().unwrap());
        }
    }
    counts
}

/// Each range holds what a search for it finds, and together they hold everything that has a price.
async fn check_prices(world: &World, query: &str, facets: &Value) {
    let found = async |more: &str| {
        let path = format!("/api/search?limit=100&{query}{more}");
        world.get(1, &path).await.handles().len()
    };
    let is_narrowed = query.contains("price_");
    let mut sum = 0;
    for range in facets["price"].as_array().unwrap() {
        let count = usize::try_from(range["count"].as_i64().unwrap()).unwrap();
        sum += count;
        // Without a lower bound it begins at nothing, where products without a price do not count.
        let min = range["price_min_minor"].as_i64().unwrap_or(0);
        let max = range["price_max_minor"].as_i64().unwrap_or(i64::MAX);
        if !is_narrowed {
            let bounds = format!("&price_min_minor={min}&price_max_minor={max}");
            assert_eq!(count, found(&bounds).await, "{query}: {range}");
        }
    }
    let priced = if is_narrowed {
        ""
    } else {
        "&price_min_minor=0"
    };
    assert_eq!(sum, found(priced).await, "{query}: {}", facets["price"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn facets_count_what_counting_one_by_one_does(rows in prop::collection::vec(
        (
            prop::sample::select(vec!["Red mug", "Blue mug", "Mugshot", "Bowl", "Red bowl"]),
            prop::sample::select(vec!["", "Kiln", "Yama"]),
            prop::sample::select(vec!["", "Cup", "Dish"]),
            prop::sample::subsequence(vec!["new", "gift", "rare"], 0..=3),
            prop::option::weighted(0.9, 0..1_000_000_i64),
            any::<bool>(),
        ),
        0..25,
    )) {
        let mut products = Vec::new();
        for (number, (title, vendor, kind, tags, price, in_stock)) in rows.iter().enumerate() {
            let row = (*title, *vendor, *kind, tags.as_slice(), *price, *in_stock);
            products.push(shelved(&row, &format!("p{number}")));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check_facets(&products));
    }
}

async fn check_facets(products: &[Product]) {
    let world = World::sqlite().await;
    for product in products {
        world.put(1, product).await;
    }
    for query in [
        "",
        "q=mug",
        "q=red&vendor=Kiln",
        "tag=gift",
        "price_min_minor=1000&price_max_minor=200000",
    ] {
        let answer = world.get(1, &format!("/api/search?{query}")).await.json();
        let facets = &answer["facets"];
        assert_eq!(answered(facets), counted(products, query), "{query}");
        check_prices(&world, query, facets).await;
    }
}
