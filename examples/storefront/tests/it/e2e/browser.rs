//! A person with a real browser.

use std::{path::Path, time::Duration};

use fantoccini::{Locator, elements::Element};
use tenancy_testkit::Browser;

use super::platform::Platform;

/// A phone, a tablet, a desktop.
const SIZES: [(u32, u32); 3] = [(360, 740), (768, 1024), (1280, 900)];

/// How often to look whether a page is there.
const OFTEN: Duration = Duration::from_millis(25);

/// The largest picture of the documentation, in bytes.
const LARGEST_PICTURE: u64 = 200_000;

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
    arrives(browser, ".offer-price").await;
    let address = client.current_url().await.unwrap();
    assert!(address.path().starts_with("/products/"), "{address}");
    let heading = client.find(Locator::Css("h1")).await.unwrap();
    assert!(!heading.text().await.unwrap().is_empty());
    fits(browser, "product").await;
    client.goto(home).await.unwrap();
    let search = client.find(Locator::Css("input[name='q']")).await.unwrap();
    let word = title.split_whitespace().next().unwrap();
    search.send_keys(&format!("{word}\n")).await.unwrap();
    arrives(browser, ".list-count").await;
    let found = client.find(Locator::LinkText(title)).await;
    found.unwrap_or_else(|error| panic!("{title} is not found by {word}: {error}"));
    fits(browser, "search").await;
}

/// Waits for what only the page that follows has: a click returns before it is there.
async fn arrives(browser: &Browser, css: &str) {
    let waited = browser.client().wait().every(OFTEN);
    let waited = waited.for_element(Locator::Css(css)).await;
    waited.unwrap_or_else(|error| panic!("no page with {css} follows: {error}"));
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

#[tokio::test]
async fn a_person_buys_at_a_desk() {
    let platform = Platform::with_demo();
    let browser = Browser::start().await.unwrap();
    let person = Person::at(&platform, &browser);
    person.resize(1120, 760).await;
    person.picture("home").await;
    person.resize(1280, 900).await;
    person.chooses_a_mug().await;
    person.picture("product").await;
    person.puts_two_and_one_more_into_the_cart().await;
    person.picture("cart").await;
    person.pays("test").await;
    person.sees_the_order().await;
    person.picture("order").await;
    browser.close().await.unwrap();
}

#[tokio::test]
async fn a_person_whose_payment_was_declined_pays_on_a_phone() {
    let platform = Platform::with_demo();
    let browser = Browser::start().await.unwrap();
    let person = Person::at(&platform, &browser);
    person.resize(390, 1_200).await;
    person.chooses_a_mug().await;
    person.puts_two_and_one_more_into_the_cart().await;
    person.pays("test-decline").await;
    person.still_has_the_cart().await;
    person.goes_to("cart").await;
    person.picture("phone-cart").await;
    person.pays("test").await;
    person.sees_the_order().await;
    person.picture("phone-order").await;
    person.resize(360, 740).await;
    person.goes_to("cart").await;
    assert!(person.text("h2").await.contains("Nothing in it yet"));
    browser.close().await.unwrap();
}

/// Somebody who buys mugs.
struct Person<'b> {
    browser: &'b Browser,
    home: String,
}

impl<'b> Person<'b> {
    fn at(platform: &Platform, browser: &'b Browser) -> Self {
        let port = platform.shops.rsplit_once(':').unwrap().1;
        let home = format!("http://kiln.localhost:{port}/");
        Self { browser, home }
    }

    async fn resize(&self, width: u32, height: u32) {
        self.browser.resize(width, height).await.unwrap();
        self.goes_to("").await;
    }

    async fn goes_to(&self, page: &str) {
        let address = format!("{}{page}", self.home);
        self.browser.client().goto(&address).await.unwrap();
        fits(self.browser, page).await;
    }

    /// Searches, opens what is found, and chooses by two links.
    async fn chooses_a_mug(&self) {
        self.goes_to("").await;
        let search = self.element("input[name='q']").await;
        search.send_keys("breakfast mug\n").await.unwrap();
        arrives(self.browser, ".list-count").await;
        self.click(".grid a").await;
        for value in ["Moss", "450 ml"] {
            let link = Locator::LinkText(value);
            let link = self.browser.client().find(link).await.unwrap();
            link.click().await.unwrap();
            self.shows("choice-chosen", value).await;
            fits(self.browser, value).await;
        }
        self.shows("offer-price", "€31.00").await;
    }

    async fn puts_two_and_one_more_into_the_cart(&self) {
        self.fills("input[name='quantity']", "2").await;
        self.click(".buy button").await;
        self.shows("sums-total", "€62.00").await;
        assert_eq!(self.text("h1").await, "Your cart");
        fits(self.browser, "cart").await;
        self.fills(".line input[name='quantity']", "3").await;
        self.click(".line button[value='set']").await;
        self.shows("sums-total", "€93.00").await;
    }

    async fn pays(&self, payment_token: &str) {
        self.fills("input[name='email']", "ann@example.com").await;
        self.click(&format!("input[value='{payment_token}']")).await;
        self.click(".checkout button").await;
    }

    async fn sees_the_order(&self) {
        arrives(self.browser, ".order-head").await;
        let address = self.browser.client().current_url().await.unwrap();
        assert!(address.path().starts_with("/orders/"), "{address}");
        assert_eq!(self.text("h1").await, "Thank you for your order");
        assert!(self.text(".line").await.contains("3 × €31.00"));
        assert_eq!(self.text(".sums-total dd").await, "€93.00");
        fits(self.browser, "order").await;
    }

    async fn still_has_the_cart(&self) {
        self.shows("notice", "The payment was declined").await;
        assert_eq!(self.text(".sums-total dd").await, "€93.00");
        fits(self.browser, "declined").await;
    }

    /// Waits for an element with this class and text, as [`arrives`] does.
    async fn shows(&self, class: &str, text: &str) {
        let path = format!("//*[contains(@class, '{class}')][contains(., '{text}')]");
        let shown = self.browser.client().wait().every(OFTEN);
        let shown = shown.for_element(Locator::XPath(&path)).await;
        shown.unwrap_or_else(|error| panic!("no {class} shows {text:?}: {error}"));
    }

    async fn element(&self, css: &str) -> Element {
        let found = self.browser.client().find(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("there is no {css}: {error}"))
    }

    async fn text(&self, css: &str) -> String {
        self.element(css).await.text().await.unwrap()
    }

    async fn click(&self, css: &str) {
        self.element(css).await.click().await.unwrap();
    }

    async fn fills(&self, css: &str, text: &str) {
        let field = self.element(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Keeps what the viewport shows in the documentation, with `UPDATE_SCREENSHOTS=1`.
    async fn picture(&self, name: &str) {
        if std::env::var_os("UPDATE_SCREENSHOTS").is_none_or(|update| update != "1") {
            return;
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/screenshots");
        std::fs::create_dir_all(folder).unwrap();
        let file = Path::new(folder).join(format!("{name}.png"));
        self.browser.screenshot(&file).await.unwrap();
        let bytes = file.metadata().unwrap().len();
        assert!(bytes < LARGEST_PICTURE, "{name} has {bytes} bytes");
    }
}
