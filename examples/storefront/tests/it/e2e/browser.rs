//! A person with a real browser.

use fantoccini::Locator;
use tenancy_testkit::Browser;

use super::platform::Platform;

/// A phone, a tablet, a desktop.
const SIZES: [(u32, u32); 3] = [(360, 740), (768, 1024), (1280, 900)];

#[tokio::test]
async fn a_person_browses_and_searches_a_shop_at_every_size() {
    let platform = Platform::with_demo();
    let listed = platform
        .operator()
        .get("/v1/tenants")
        .await
        .expect_status(200);
    let home = listed["tenants"][0]["urls"][0].as_str().unwrap().to_owned();
    let slug = listed["tenants"][0]["slug"].as_str().unwrap().to_owned();
    let products = platform
        .visitor(&format!("{slug}.localhost"))
        .get("/api/products?limit=1")
        .await
        .expect_status(200);
    let title = products["products"][0]["title"]
        .as_str()
        .unwrap()
        .to_owned();
    let browser = Browser::start().await.unwrap();
    for (width, height) in SIZES {
        browser.resize(width, height).await.unwrap();
        walk(&browser, &home, &title).await;
    }
    browser.close().await.unwrap();
}

/// Home → product → home → search → the product again; no page scrolls sideways.
async fn walk(browser: &Browser, home: &str, title: &str) {
    let client = browser.client();
    client.goto(home).await.unwrap();
    fits(browser, "home").await;
    client
        .find(Locator::Css("a[href^='/products/']"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    assert!(
        client
            .current_url()
            .await
            .unwrap()
            .path()
            .starts_with("/products/")
    );
    assert!(
        !client
            .find(Locator::Css("h1"))
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .is_empty()
    );
    fits(browser, "product").await;
    client.goto(home).await.unwrap();
    let search = client.find(Locator::Css("input[name='q']")).await.unwrap();
    let word = title.split_whitespace().next().unwrap();
    search.send_keys(&format!("{word}\n")).await.unwrap();
    client
        .wait()
        .for_element(Locator::LinkText(title))
        .await
        .unwrap_or_else(|error| panic!("{title} is not found by {word}: {error}"));
    fits(browser, "search").await;
}

async fn fits(browser: &Browser, page: &str) {
    let script =
        "const root = document.documentElement; return [root.scrollWidth, root.clientWidth];";
    let widths = browser.client().execute(script, vec![]).await.unwrap();
    assert!(
        widths[0].as_u64() <= widths[1].as_u64(),
        "{page} scrolls sideways: {widths}"
    );
}
