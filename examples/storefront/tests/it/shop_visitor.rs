//! A visitor of a shop whose browser keeps the cart's cookie and fills in forms.

use axum::body::Body;
use http::{
    Request, StatusCode,
    header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
};

use storefront::shop::cart::CartSecret;

use crate::shop_world::{Answer, World};

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The address that every visitor gives.
pub(crate) const EMAIL: &str = "ann@example.com";

pub(crate) struct Visitor<'w> {
    world: &'w World,
    pub(crate) shop: u32,
    /// `cart=SECRET`, once a shop has set it.
    pub(crate) cookie: Option<String>,
}

impl<'w> Visitor<'w> {
    pub(crate) fn new(world: &'w World, shop: u32) -> Self {
        Self {
            world,
            shop,
            cookie: None,
        }
    }

    /// The same browser at another shop, with the cookie that it would never send there.
    pub(crate) fn elsewhere(&self, shop: u32) -> Self {
        Self {
            world: self.world,
            shop,
            cookie: self.cookie.clone(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path);
        let request = match &self.cookie {
            Some(cookie) => request.header(COOKIE, cookie),
            None => request,
        };
        self.world
            .ask(self.shop, request.body(Body::empty()).unwrap())
            .await
    }

    /// Posts a form and keeps the cookie that comes back.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let answer = self
            .send(path, &[(CONTENT_TYPE.as_str(), FORM)], &encoded(fields))
            .await;
        if let Some(cookie) = answer.headers.get(SET_COOKIE) {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            self.cookie = Some(pair.to_owned());
        }
        answer
    }

    pub(crate) async fn send(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        self.world.ask(self.shop, request).await
    }

    /// Puts so many into the cart; panics unless they are in.
    pub(crate) async fn add(&mut self, variant: &str, quantity: &str) {
        let fields = [("variant_id", variant), ("quantity", quantity)];
        let answer = self.post("/cart/items", &fields).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        assert_eq!(answer.headers[LOCATION], "/cart");
    }

    /// Changes a line from the cart's page.
    pub(crate) async fn change(&mut self, action: &str, variant: &str, quantity: &str) -> Answer {
        let token = self.token().await;
        let fields = [
            ("action", action),
            ("variant_id", variant),
            ("quantity", quantity),
            ("csrf_token", &token),
        ];
        self.post("/cart/items", &fields).await
    }

    /// What opens the visitor's cart.
    #[track_caller]
    pub(crate) fn secret(&self) -> CartSecret {
        let cookie = self.cookie.as_deref().unwrap();
        CartSecret::parse(cookie.strip_prefix("cart=").unwrap()).unwrap()
    }

    /// The token in the cart's forms.
    pub(crate) async fn token(&self) -> String {
        field(&self.get("/cart").await.body, "csrf_token").expect("a cart has forms")
    }

    /// Quantities in the cart, in the page's order.
    pub(crate) async fn quantities(&self) -> Vec<i64> {
        let page = self.get("/cart").await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        fields(&page.body, "quantity")
            .map(|quantity| quantity.parse().unwrap())
            .collect()
    }
}

/// A form as a browser sends it.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields).finish()
}

/// The value of the page's first field of this name.
pub(crate) fn field(page: &str, name: &str) -> Option<String> {
    fields(page, name).next().map(str::to_owned)
}

/// The values of the page's fields of this name.
pub(crate) fn fields<'p>(page: &'p str, name: &str) -> impl Iterator<Item = &'p str> {
    let name = format!("name=\"{name}\"");
    page.split("<input").skip(1).filter_map(move |rest| {
        let input = rest.split('>').next()?;
        let (_, value) = input
            .split_once("value=\"")
            .filter(|_| input.contains(&name))?;
        value.split('"').next()
    })
}

/// What the form that buys the cart of this page sends, when it is filled in so that the payment succeeds.
pub(crate) fn checkout_fields(page: &str) -> Vec<(String, String)> {
    let form = page.split_once("action=\"/checkout\"");
    let (_, form) = form.unwrap_or_else(|| panic!("the cart cannot be bought: {page}"));
    let (form, _) = form.split_once("</form>").unwrap();
    let mut all = vec![
        ("email".to_owned(), EMAIL.to_owned()),
        ("payment_token".to_owned(), "test".to_owned()),
    ];
    for name in ["csrf_token", "version", "total_minor", "item"] {
        all.extend(fields(form, name).map(|value| (name.to_owned(), value.to_owned())));
    }
    all
}

/// What the page's form sends that finds out what became of an attempt without an answer, if there is one.
pub(crate) fn outcome_fields(page: &str) -> Option<Vec<(String, String)>> {
    let (_, form) = page.split_once("action=\"/checkout/outcome\"")?;
    let (form, _) = form.split_once("</form>").unwrap();
    let field = |name: &str| (name.to_owned(), field(form, name).unwrap());
    Some(["csrf_token", "version"].map(field).into())
}

/// The ids of a product's variants.
pub(crate) async fn variants(world: &World, shop: u32, handle: &str) -> Vec<String> {
    let product = world
        .get(shop, &format!("/api/products/{handle}"))
        .await
        .json();
    let variants = product["variants"].as_array().unwrap();
    let id = |variant: &serde_json::Value| variant["variant_id"].as_str().unwrap().to_owned();
    variants.iter().map(id).collect()
}
