//! Pages with data that nobody would choose.

use http::StatusCode;
use storefront::import::Product;

use crate::shop_world::{World, collection, image, product, variant};

const SCRIPT: &str = "<script>alert(\"x\")</script>&'";

/// A product whose every text tries to be markup.
fn hostile() -> Product {
    let mut product = product("hostile", SCRIPT);
    product.vendor = format!("\"><img src=x onerror=alert(1)>{SCRIPT}");
    product.product_type = SCRIPT.into();
    product.tags = vec![SCRIPT.into(), "</title></head>".into()];
    product.seo_title = SCRIPT.into();
    product.seo_description = SCRIPT.into();
    product.options = vec![SCRIPT.into()];
    product.variants = vec![
        variant(&[SCRIPT], 100),
        variant(&["\" autofocus onfocus=\""], 200),
    ];
    product.images = vec![image("/x.svg?\"><script>alert(1)</script>")];
    product.images[0].alt = SCRIPT.into();
    product.collections = vec![collection("hostile", SCRIPT)];
    product.body_html = "<p>clean</p>".into();
    product
}

#[tokio::test]
async fn no_text_becomes_markup() {
    let world = World::sqlite().await;
    world.put(1, &hostile()).await;
    let search = form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect::<String>();
    for path in [
        "/",
        "/products/hostile",
        "/collections/hostile",
        "/search",
        &format!("/search?q={search}"),
        &format!("/search?tag={search}"),
        &format!("/search?vendor=x&q={search}"),
    ] {
        let page = world.browse(1, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let lower = page.body.to_lowercase();
        for markup in ["<script", "<img src=x", "\" autofocus", "</title></head>"] {
            assert!(!lower.contains(markup), "{markup} is markup at {path}");
        }
    }
    let page = world.browse(1, "/products/hostile").await.body;
    // Negative control: the text is there, and sanitised HTML is markup.
    assert!(
        page.contains("&#60;script&#62;alert(&#34;x&#34;)"),
        "{page}"
    );
    assert!(page.contains("<p>clean</p>"));
}

#[tokio::test]
async fn pages_with_strange_texts_are_whole() {
    let world = World::sqlite().await;
    for (handle, title) in [
        ("long", "long ".repeat(1_000)),
        ("one-word", "x".repeat(5_000)),
        (
            "right-to-left",
            "מנורת שולחן \u{202e}evil\u{202c}".to_owned(),
        ),
        ("emoji", "☕️👩‍👩‍👧 🎉".to_owned()),
        ("control", "tab\tand\u{85}next".to_owned()),
    ] {
        let mut product = product(handle, &title);
        product.collections = vec![collection(handle, &title)];
        world.put(1, &product).await;
        for path in [
            format!("/products/{handle}"),
            format!("/collections/{handle}"),
            "/search".into(),
            "/".into(),
        ] {
            let page = world.browse(1, &path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(
                page.body.ends_with("</html>\n") || page.body.ends_with("</html>"),
                "{path}"
            );
            assert!(page.body.contains(title.trim()), "{path}");
        }
        // A long title sorts and pages like any other.
        let list = world.get(1, "/api/search?sort=title&limit=1").await.json();
        assert!(list["next"].as_str().is_none_or(|next| next.len() < 400));
    }
}

#[tokio::test]
async fn a_variant_is_chosen_by_a_link() {
    let world = World::sqlite().await;
    let mut shirt = product("shirt", "Shirt");
    shirt.options = vec!["Size".into(), "Colour".into()];
    shirt.variants = vec![
        variant(&["S", "Red"], 1_000),
        variant(&["S", "Blue"], 1_100),
        variant(&["M", "Red"], 1_200),
        variant(&["M", "Blue"], 1_300),
        variant(&["L", "Green"], 1_400),
    ];
    shirt.variants[0].quantity = Some(0);
    world.put(1, &shirt).await;
    let ids: Vec<String> = {
        let json = world.get(1, "/api/products/shirt").await.json();
        let variants = json["variants"].as_array().unwrap();
        variants
            .iter()
            .map(|variant| variant["variant_id"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = async |query: &str| {
        world
            .browse(1, &format!("/products/shirt{query}"))
            .await
            .body
    };
    // The first that can be bought.
    assert!(page("").await.contains("€11.00"));
    for (id, price) in ids
        .iter()
        .zip(["€10.00", "€11.00", "€12.00", "€13.00", "€14.00"])
    {
        assert!(
            page(&format!("?variant={id}"))
                .await
                .contains(&format!("offer-price\">{price}<"))
        );
    }
    let chosen = page(&format!("?variant={}", ids[3])).await;
    // From M and Blue: S keeps Blue, Red keeps M, Green exists only as L.
    for target in [&ids[1], &ids[2], &ids[4]] {
        assert!(chosen.contains(&format!("?variant={target}\"")), "{chosen}");
    }
    assert_eq!(chosen.matches("aria-current=\"true\"").count(), 2);
    assert!(
        page(&format!("?variant={}", ids[0]))
            .await
            .contains("Sold out")
    );
    let unreadable = world.get(1, "/products/shirt?variant=red").await;
    assert_eq!(unreadable.status, StatusCode::BAD_REQUEST);
    // One that is gone leads to the product, as an old bookmark should.
    assert!(page("?variant=1").await.contains("€11.00"));
}

#[tokio::test]
async fn an_empty_shop_has_pages() {
    let world = World::sqlite().await;
    assert!(
        world
            .browse(1, "/")
            .await
            .body
            .contains("The shelves are being filled")
    );
    assert!(
        world
            .browse(1, "/search")
            .await
            .body
            .contains("Nothing matches")
    );
    let mut seen_only = product("seen", "Only to be seen");
    seen_only.variants.clear();
    world.put(1, &seen_only).await;
    let page = world.browse(1, "/products/seen").await.body;
    assert!(page.contains("Not for sale at present") && page.contains("class=\"no-picture\""));
}

#[tokio::test]
async fn two_shops_have_names_and_colours_of_their_own() {
    let world = World::sqlite().await;
    let [first, second] = [
        world.browse(1, "/").await.body,
        world.browse(2, "/").await.body,
    ];
    let accent = |page: &str| {
        page.split_once("class=\"accent-")
            .unwrap()
            .1
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_ne!(accent(&first), accent(&second));
    assert!(first.contains("Shop 1") && !first.contains("Shop 2"));
    assert!(second.contains("Shop 2") && !second.contains("Shop 1"));
}
