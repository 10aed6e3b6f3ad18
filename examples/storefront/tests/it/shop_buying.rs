//! Buying through the addresses of a shop: with the cart's form, and with the API.

mod outcome;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::body::Body;
use http::{
    Method, Request, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERRER_POLICY, RETRY_AFTER},
};
use serde_json::{Value, json};
use storefront::{
    money::Money,
    shop::{
        checkout::{Checkout, CheckoutKey, CheckoutRequest},
        payment::{
            AnyPaymentGateway, Charge, PaymentGateway, PaymentKey, PaymentToken, PaymentUnknown,
            Refund, RefundKey, Voided,
        },
    },
};

use tenancy_types::Lifecycle;

use crate::{
    shop_checkout::provider::{Fault, Provider},
    shop_visitor::{EMAIL, Visitor, checkout_fields, field, variants},
    shop_world::{Answer, World, admitted_in, on_both, product, reader, tenant, variant, writer},
};

#[track_caller]
fn refused(answer: &Answer, status: StatusCode, code: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.body);
    let json: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(json["error"]["code"], code, "{json}");
    json["error"].clone()
}

/// A shop with mugs at 12.50, so many of them in stock.
async fn mugs(world: &World, shop: u32, stock: Option<u32>) -> String {
    let mut mug = product("mug", &format!("Mug of shop {shop}"));
    mug.options = vec!["Size".into()];
    mug.variants = vec![variant(&["Large"], 1_250)];
    mug.variants[0].quantity = stock;
    world.put(shop, &mug).await;
    variants(world, shop, "mug").await.remove(0)
}

fn basket(variant: &str, quantity: i64) -> Value {
    let items = json!([{"variant_id": variant, "quantity": quantity}]);
    json!({"items": items, "email": EMAIL, "payment_token": "test"})
}

async fn buy(visitor: &Visitor<'_>, key: &str, body: &Value) -> Answer {
    let headers = [
        (CONTENT_TYPE.as_str(), "application/json"),
        ("idempotency-key", key),
    ];
    visitor
        .send("/api/checkout", &headers, &body.to_string())
        .await
}

/// How many pieces of the variant are left.
async fn on_hand(world: &World, shop: u32, variant: &str) -> i64 {
    let mut tx = world.db.begin(&reader(shop));
    let statement = tx.sql("select on_hand from stock where tenant_id = $1 and variant_id = $2");
    let statement = statement
        .bind(i64::from(shop))
        .bind(variant.parse::<i64>().unwrap());
    let (on_hand,): (i64,) = statement.one().await.unwrap();
    on_hand
}

#[tokio::test]
async fn a_program_buys_and_sees_its_order() {
    on_both(async |world| {
        let mug = mugs(world, 1, Some(10)).await;
        let program = Visitor::new(world, 1);
        let bought = buy(&program, "key-1", &basket(&mug, 2)).await;
        assert_eq!(bought.status, StatusCode::CREATED, "{}", bought.body);
        assert_eq!(bought.headers[CACHE_CONTROL], "private, no-store");
        let placed: Value = serde_json::from_str(&bought.body).unwrap();
        let token = placed["order_token"].as_str().unwrap();
        assert!(token.len() >= 32, "{token}");
        let expect =
            json!({"order_token": token, "state": "paid", "total_minor": 2_500, "currency": "EUR"});
        assert_eq!(placed, expect);
        assert_eq!(on_hand(world, 1, &mug).await, 8);

        let order = program.get(&format!("/api/orders/{token}")).await;
        assert_eq!(order.headers[CACHE_CONTROL], "private, no-store");
        assert_eq!(order.headers["x-robots-tag"], "noindex");
        let expect = json!({
            "order_token": token, "state": "paid", "total_minor": 2_500, "currency": "EUR",
            "items": [{
                "variant_id": mug, "title": "Mug of shop 1", "options": "Large", "quantity": 2,
                "price_minor": 1_250,
            }],
            "shipping_minor": 0, "tax_minor": 0, "refunded_minor": 0,
            "created_at": "2026-01-01T00:00:00Z", "email": "a***@example.com",
        });
        assert_eq!(order.json(), expect);

        let page = program.get(&format!("/orders/{token}")).await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.headers[CACHE_CONTROL], "private, no-store");
        assert_eq!(page.headers[REFERRER_POLICY], "no-referrer");
        assert_eq!(page.headers["x-robots-tag"], "noindex");
        for text in [
            "Thank you for your order",
            "Mug of shop 1",
            "2 × €12.50",
            "€25.00",
            "a***@example.com",
        ] {
            assert!(page.body.contains(text), "{text}: {}", page.body);
        }
        assert!(!page.body.contains(EMAIL));

        let again = buy(&program, "key-1", &basket(&mug, 2)).await;
        assert_eq!(
            (again.status, again.body),
            (bought.status, bought.body.clone())
        );
        assert_eq!(on_hand(world, 1, &mug).await, 8, "one purchase");
        let other = buy(&program, "key-1", &basket(&mug, 3)).await;
        refused(
            &other,
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_mismatch",
        );
        // An id may be a number, too; it is the same request.
        let mut number = basket(&mug, 2);
        number["items"][0]["variant_id"] = json!(mug.parse::<i64>().unwrap());
        assert_eq!(buy(&program, "key-1", &number).await.body, bought.body);
    })
    .await;
}

#[tokio::test]
async fn a_program_is_told_why_it_bought_nothing() {
    on_both(async |world| {
        let mug = mugs(world, 1, Some(3)).await;
        let theirs = mugs(world, 2, Some(3)).await;
        let program = Visitor::new(world, 1);
        let mut declines = basket(&mug, 1);
        declines["payment_token"] = json!("test-decline");
        for _ in 0..2 {
            let answer = buy(&program, "declined", &declines).await;
            refused(&answer, StatusCode::PAYMENT_REQUIRED, "payment_declined");
        }
        let error = refused(
            &buy(&program, "short", &basket(&mug, 4)).await,
            StatusCode::CONFLICT,
            "out_of_stock",
        );
        assert_eq!(
            error["items"],
            json!([{"variant_id": mug, "requested": 4, "available": 3}])
        );
        for variant in [theirs.as_str(), "1", "-1", "0"] {
            let answer = buy(&program, &format!("unknown-{variant}"), &basket(variant, 1)).await;
            refused(&answer, StatusCode::NOT_FOUND, "unknown_variant");
            assert!(!answer.body.contains("shop 2"));
        }
        assert_eq!(on_hand(world, 1, &mug).await, 3);
        assert_eq!(on_hand(world, 2, &theirs).await, 3);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_purchase_is_refused_before_anything_happens() {
    let world = World::sqlite().await;
    let mug = mugs(&world, 1, Some(10)).await;
    let program = Visitor::new(&world, 1);
    let with = |member: &str, value: Value| {
        let mut body = basket(&mug, 1);
        body[member] = value;
        body
    };
    let item = |quantity: Value| json!([{"variant_id": mug, "quantity": quantity}]);
    for (index, body) in [
        json!({}),
        json!([]),
        with("items", json!([])),
        with("items", json!("mug")),
        with("items", json!([{"variant_id": "mug", "quantity": 1}])),
        with("items", json!([{"variant_id": mug}])),
        with("items", item(json!(0))),
        with("items", item(json!(-1))),
        with("items", item(json!(1_001))),
        with("items", item(json!(1.5))),
        with("items", item(json!(1e30))),
        with("items", item(json!("1"))),
        with("items", item(json!(null))),
        with(
            "items",
            Value::Array(vec![item(json!(1_000))[0].clone(); 2]),
        ),
        with(
            "items",
            (0..101)
                .map(|id| json!({"variant_id": id, "quantity": 1}))
                .collect(),
        ),
        with("email", json!("")),
        with("email", json!("nobody")),
        with("email", json!(null)),
        with("payment_token", json!("")),
        with("payment_token", json!(7)),
        with("discount", json!(100)),
    ]
    .iter()
    .enumerate()
    {
        let answer = buy(&program, &format!("bad-{index}"), body).await;
        refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
    }
    let body = basket(&mug, 1).to_string();
    let json = (CONTENT_TYPE.as_str(), "application/json");
    for headers in [
        &[json][..],
        &[json, ("idempotency-key", "")],
        &[json, ("idempotency-key", "two words")],
        &[json, ("idempotency-key", "a"), ("idempotency-key", "b")],
        &[json, ("idempotency-key", &"k".repeat(256))],
    ] {
        let answer = program.send("/api/checkout", headers, &body).await;
        refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "",
    ] {
        let headers = [(CONTENT_TYPE.as_str(), kind), ("idempotency-key", "k")];
        let answer = program.send("/api/checkout", &headers, &body).await;
        refused(
            &answer,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
        );
    }
    let cross = [
        json,
        ("idempotency-key", "k"),
        ("sec-fetch-site", "cross-site"),
    ];
    let answer = program.send("/api/checkout", &cross, &body).await;
    refused(&answer, StatusCode::FORBIDDEN, "csrf_rejected");
    for text in ["", "{", "\u{0}", "nonsense"] {
        let headers = [json, ("idempotency-key", "k")];
        let answer = program.send("/api/checkout", &headers, text).await;
        refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
    }
    assert_eq!(on_hand(&world, 1, &mug).await, 10);
}

/// The cart's checkout form, as the page has it.
#[derive(Clone)]
struct Filled(Vec<(String, String)>);

impl Filled {
    async fn from(visitor: &Visitor<'_>) -> Self {
        Self::read(&visitor.get("/cart").await.body)
    }

    fn read(page: &str) -> Self {
        Self(checkout_fields(page))
    }

    fn with(&self, name: &str, value: &str) -> Self {
        let changed = |(field, old): &(String, String)| {
            let value = if field == name { value } else { old };
            (field.clone(), value.to_owned())
        };
        Self(self.0.iter().map(changed).collect())
    }

    fn get(&self, name: &str) -> &str {
        &self.0.iter().find(|(field, _)| field == name).unwrap().1
    }

    /// The form with one more field.
    fn and(mut self, name: &str, value: &str) -> Self {
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The key under which it buys.
    fn key(&self, visitor: &Visitor<'_>) -> CheckoutKey {
        let version = self.get("version").parse().unwrap();
        visitor.secret().purchase_key(tenant(visitor.shop), version)
    }

    async fn send(&self, visitor: &mut Visitor<'_>) -> Answer {
        let fields: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        visitor.post("/checkout", &fields).await
    }
}

#[track_caller]
fn leads_to_an_order(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let path = answer.headers[LOCATION].to_str().unwrap().to_owned();
    assert!(path.starts_with("/orders/"), "{path}");
    path
}

#[tokio::test]
async fn a_visitor_buys_what_the_cart_shows_once() {
    on_both(async |world| {
        let mug = mugs(world, 1, Some(10)).await;
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "2").await;
        let form = Filled::from(&visitor).await;
        let order = leads_to_an_order(&form.send(&mut visitor).await);
        assert!(
            visitor
                .get(&order)
                .await
                .body
                .contains("Thank you for your order")
        );
        assert!(
            visitor
                .get("/cart")
                .await
                .body
                .contains("Nothing in it yet")
        );
        // A second click, also when something new is in the cart by then: that stays.
        visitor.add(&mug, "1").await;
        assert_eq!(leads_to_an_order(&form.send(&mut visitor).await), order);
        assert_eq!(visitor.quantities().await, [1]);
        assert_eq!(on_hand(world, 1, &mug).await, 8);
        // The same things again are another order.
        let second = Filled::from(&visitor).await;
        assert_ne!(leads_to_an_order(&second.send(&mut visitor).await), order);
        assert_eq!(on_hand(world, 1, &mug).await, 7);
    })
    .await;
}

/// The process died after the order was paid, and before the cart was emptied.
#[tokio::test]
async fn a_cart_that_a_crash_left_full_is_not_bought_again() {
    on_both(async |world| {
        let mug = mugs(world, 1, Some(10)).await;
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "2").await;
        let form = Filled::from(&visitor).await;
        let request = CheckoutRequest::new([(mug.parse().unwrap(), 2)], EMAIL, "test").unwrap();
        let request = request.expected_total(2_500);
        let key = form.key(&visitor);
        let paid = world
            .checkout
            .place(&writer(1), &key, &request)
            .await
            .unwrap();
        assert_eq!(paid.status(), 201);
        // The visitor opens the cart, finds everything in it, and pays.
        let later = Filled::from(&visitor).await;
        assert_eq!(later.get("version"), form.get("version"));
        leads_to_an_order(&later.send(&mut visitor).await);
        assert!(
            visitor
                .get("/cart")
                .await
                .body
                .contains("Nothing in it yet")
        );
        assert_eq!(on_hand(world, 1, &mug).await, 8);
    })
    .await;
}

#[tokio::test]
async fn a_declined_payment_leaves_the_cart_for_another_try() {
    on_both(async |world| {
        let mug = mugs(world, 1, Some(10)).await;
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "2").await;
        let form = Filled::from(&visitor)
            .await
            .with("payment_token", "test-decline");
        let declined = form.send(&mut visitor).await;
        assert_eq!(declined.status, StatusCode::PAYMENT_REQUIRED);
        assert_eq!(declined.headers[CACHE_CONTROL], "private, no-store");
        assert!(
            declined.body.contains("The payment was declined"),
            "{}",
            declined.body
        );
        assert_eq!(field(&declined.body, "email").as_deref(), Some(EMAIL));
        assert_eq!(visitor.quantities().await, [2]);
        assert_eq!(on_hand(world, 1, &mug).await, 10);
        assert_eq!(
            form.send(&mut visitor).await.status,
            StatusCode::PAYMENT_REQUIRED,
            "the same answer"
        );
        leads_to_an_order(&Filled::read(&declined.body).send(&mut visitor).await);
        assert_eq!(on_hand(world, 1, &mug).await, 8);
    })
    .await;
}

#[tokio::test]
async fn the_cart_says_what_is_short_and_what_costs_something_else() {
    on_both(async |world| {
        let mug = mugs(world, 1, Some(3)).await;
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "5").await;
        let form = Filled::from(&visitor).await;
        let short = form.send(&mut visitor).await;
        assert_eq!(short.status, StatusCode::CONFLICT);
        let text = "Of Mug of shop 1 (Large) there are only 3; you asked for 5.";
        assert!(short.body.contains(text), "{}", short.body);
        visitor.change("set", &mug, "2").await;
        let form = Filled::from(&visitor).await;
        let mut dearer = product("mug", "Mug of shop 1");
        dearer.options = vec!["Size".into()];
        dearer.variants = vec![variant(&["Large"], 1_300)];
        dearer.variants[0].quantity = Some(3);
        world.put(1, &dearer).await;
        let changed = form.send(&mut visitor).await;
        assert_eq!(changed.status, StatusCode::CONFLICT);
        for text in [
            "The total has changed",
            "It is €26.00 now",
            "it was €12.50 when",
            "Pay €26.00",
        ] {
            assert!(changed.body.contains(text), "{text}: {}", changed.body);
        }
        assert_eq!(on_hand(world, 1, &mug).await, 3);
        leads_to_an_order(&Filled::read(&changed.body).send(&mut visitor).await);
        assert_eq!(on_hand(world, 1, &mug).await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_form_that_is_not_filled_in_buys_nothing_and_says_so() {
    let world = World::sqlite().await;
    let mug = mugs(&world, 1, Some(3)).await;
    let mut visitor = Visitor::new(&world, 1);
    visitor.add(&mug, "1").await;
    let form = Filled::from(&visitor).await;
    for (field, value) in [("email", ""), ("email", "nobody"), ("payment_token", "")] {
        let answer = form.with(field, value).send(&mut visitor).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{field}");
        assert!(answer.body.contains("That did not work"), "{}", answer.body);
    }
    for (field, value) in [
        ("version", ""),
        ("version", "x"),
        ("total_minor", ""),
        ("item", "mug"),
        ("item", "1"),
        ("item", ":"),
    ] {
        let answer = form.with(field, value).send(&mut visitor).await;
        refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
    }
    for token in ["", "x"] {
        let answer = form.with("csrf_token", token).send(&mut visitor).await;
        refused(&answer, StatusCode::FORBIDDEN, "csrf_rejected");
    }
    assert_eq!(on_hand(&world, 1, &mug).await, 3);
    let total = form.with("total_minor", "1").send(&mut visitor).await;
    assert_eq!(
        total.status,
        StatusCode::CONFLICT,
        "nobody sets the price but the shop"
    );
    assert_eq!(on_hand(&world, 1, &mug).await, 3);
}

/// A provider that is silent until it is told to speak.
struct Silent {
    speaks: Arc<AtomicBool>,
}

impl PaymentGateway for Silent {
    async fn charge(
        &self,
        _: &PaymentKey,
        _: Money,
        _: &PaymentToken,
    ) -> Result<Charge, PaymentUnknown> {
        if self.speaks.load(Ordering::Relaxed) {
            return Ok(Charge::Charged);
        }
        Err(PaymentUnknown::new("the line is dead"))
    }

    async fn void(&self, _: &PaymentKey) -> Result<Voided, PaymentUnknown> {
        Err(PaymentUnknown::new("the line is dead"))
    }

    async fn refund(
        &self,
        _: &PaymentKey,
        _: &RefundKey,
        _: Money,
    ) -> Result<Refund, PaymentUnknown> {
        Err(PaymentUnknown::new("the line is dead"))
    }
}

#[tokio::test]
async fn a_payment_of_which_nothing_is_known_goes_on_with_the_same_form() {
    let speaks = Arc::new(AtomicBool::new(false));
    let mut world = World::sqlite().await;
    let gateway = Silent {
        speaks: Arc::clone(&speaks),
    };
    world.checkout = Checkout::new(world.cell.clone(), AnyPaymentGateway::new(gateway));
    let mug = mugs(&world, 1, Some(10)).await;
    let mut visitor = Visitor::new(&world, 1);
    visitor.add(&mug, "2").await;
    let form = Filled::from(&visitor).await;
    let unknown = form.send(&mut visitor).await;
    assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(unknown.headers.contains_key(RETRY_AFTER));
    assert!(
        unknown
            .body
            .contains("It is not known yet whether you have paid"),
        "{}",
        unknown.body
    );
    let again = Filled::read(&unknown.body);
    assert_eq!(again.get("version"), form.get("version"));
    let elsewhere = form
        .with("email", "bob@example.com")
        .send(&mut visitor)
        .await;
    assert_eq!(elsewhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        elsewhere.body.contains("This cart has been sent before"),
        "{}",
        elsewhere.body
    );
    let api = buy(&visitor, "key-1", &basket(&mug, 1)).await;
    refused(&api, StatusCode::SERVICE_UNAVAILABLE, "payment_unknown");
    assert_eq!(api.headers[RETRY_AFTER], "2");
    assert_eq!(on_hand(&world, 1, &mug).await, 7, "both are held");
    speaks.store(true, Ordering::Relaxed);
    leads_to_an_order(&again.send(&mut visitor).await);
    assert_eq!(
        buy(&visitor, "key-1", &basket(&mug, 1)).await.status,
        StatusCode::CREATED
    );
    assert_eq!(on_hand(&world, 1, &mug).await, 7);
    assert!(
        visitor
            .get("/cart")
            .await
            .body
            .contains("Nothing in it yet")
    );
}

/// A visitor of a shop with mugs, whose provider can be told to fail.
async fn behind_a_provider(world: &mut World) -> (Provider, String) {
    let provider = Provider::default();
    let gateway = AnyPaymentGateway::new(provider.clone());
    world.checkout = Checkout::new(world.cell.clone(), gateway);
    (provider, mugs(world, 1, Some(10)).await)
}

async fn worlds() -> [World; 2] {
    [World::sqlite().await, World::postgres().await]
}

#[tokio::test]
async fn a_cart_that_is_changed_while_nothing_is_known_is_not_paid_for_twice() {
    for mut world in worlds().await {
        for (fault, again, total) in [
            // It was paid: that order is shown, and what was added stays.
            (Fault::AnswerLost, vec![1], 2_500),
            // It was not: it is called off, and everything is bought at once.
            (Fault::Refused, Vec::new(), 3_750),
        ] {
            let (provider, mug) = behind_a_provider(&mut world).await;
            world.put(1, &product("bowl", "Bowl")).await;
            let bowl = variants(&world, 1, "bowl").await.remove(0);
            let mut visitor = Visitor::new(&world, 1);
            visitor.add(&mug, "2").await;
            let form = Filled::from(&visitor).await;
            provider.fail([fault]);
            let unknown = form.send(&mut visitor).await;
            assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
            visitor.add(&bowl, "1").await;
            let changed = Filled::from(&visitor).await;
            assert_ne!(changed.get("version"), form.get("version"));
            provider.fail([Fault::Refused]);
            let unknown = changed.send(&mut visitor).await;
            assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
            let order = leads_to_an_order(&changed.send(&mut visitor).await);
            let paid: Vec<i64> = provider.charges().into_values().collect();
            assert_eq!(paid, [total], "{fault:?}");
            assert_eq!(visitor.quantities().await, again, "{fault:?}");
            // The first form leads to what became of it.
            let late = form.send(&mut visitor).await;
            match fault {
                Fault::AnswerLost => assert_eq!(leads_to_an_order(&late), order),
                _ => assert_eq!(late.status, StatusCode::CONFLICT),
            }
            assert_eq!(provider.charges().len(), 1, "{fault:?}");
            assert_eq!(on_hand(&world, 1, &mug).await, 8);
            mugs(&world, 1, Some(11)).await;
        }
    }
}

#[tokio::test]
async fn a_price_that_changes_while_nothing_is_known_changes_nothing_of_the_order() {
    for mut world in worlds().await {
        let (provider, mug) = behind_a_provider(&mut world).await;
        let mut visitor = Visitor::new(&world, 1);
        visitor.add(&mug, "2").await;
        provider.fail([Fault::AnswerLost]);
        let unknown = Filled::from(&visitor).await.send(&mut visitor).await;
        assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
        let mut dearer = product("mug", "Mug of shop 1");
        dearer.options = vec!["Size".into()];
        dearer.variants = vec![variant(&["Large"], 1_300)];
        dearer.variants[0].quantity = Some(10);
        world.put(1, &dearer).await;
        let later = Filled::from(&visitor).await;
        assert_eq!(later.get("total_minor"), "2600");
        leads_to_an_order(&later.send(&mut visitor).await);
        let paid: Vec<i64> = provider.charges().into_values().collect();
        assert_eq!(paid, [2_500]);
        assert_eq!(visitor.quantities().await, Vec::<i64>::new());
    }
}

#[tokio::test]
async fn a_form_that_was_declined_and_is_sent_again_starts_no_second_payment() {
    for mut world in worlds().await {
        let (provider, mug) = behind_a_provider(&mut world).await;
        let mut visitor = Visitor::new(&world, 1);
        visitor.add(&mug, "2").await;
        let declined = Filled::from(&visitor)
            .await
            .with("payment_token", "test-decline");
        let page = declined.send(&mut visitor).await;
        assert_eq!(page.status, StatusCode::PAYMENT_REQUIRED);
        let second = Filled::read(&page.body).with("payment_token", "test");
        provider.fail([Fault::AnswerLost]);
        let unknown = second.send(&mut visitor).await;
        assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE);
        // The browser sends the first form again, and then the visitor pays what the page shows.
        let order = leads_to_an_order(&declined.send(&mut visitor).await);
        assert_eq!(leads_to_an_order(&second.send(&mut visitor).await), order);
        assert_eq!(visitor.quantities().await, Vec::<i64>::new());
        assert_eq!(provider.charges().len(), 1);
        assert_eq!(on_hand(&world, 1, &mug).await, 8);
    }
}

#[tokio::test]
async fn no_secret_of_one_shop_means_anything_at_another() {
    on_both(async |world| {
        let (mug, theirs) = (
            mugs(world, 1, Some(10)).await,
            mugs(world, 2, Some(10)).await,
        );
        let mut visitor = Visitor::new(world, 1);
        let placed = buy(&visitor, "shared-key", &basket(&mug, 1)).await;
        let placed: Value = serde_json::from_str(&placed.body).unwrap();
        let token = placed["order_token"].as_str().unwrap();
        visitor.add(&mug, "2").await;
        let form = Filled::from(&visitor).await;

        let mut elsewhere = visitor.elsewhere(2);
        for path in [format!("/orders/{token}"), format!("/api/orders/{token}")] {
            assert_eq!(
                visitor.get(&path).await.status,
                StatusCode::OK,
                "the order is there"
            );
            refused(
                &elsewhere.get(&path).await,
                StatusCode::NOT_FOUND,
                "not_found",
            );
        }
        // The same cookie, form and tokens at the other shop.
        refused(
            &form.send(&mut elsewhere).await,
            StatusCode::FORBIDDEN,
            "csrf_rejected",
        );
        // The same key there is another purchase, not an answer of this shop.
        let other = buy(&elsewhere, "shared-key", &basket(&theirs, 1)).await;
        assert_eq!(other.status, StatusCode::CREATED, "{}", other.body);
        assert!(!other.body.contains(token));
        assert_eq!(
            (
                on_hand(world, 1, &mug).await,
                on_hand(world, 2, &theirs).await
            ),
            (9, 9)
        );
        leads_to_an_order(&form.send(&mut visitor).await);
    })
    .await;
}

/// Postgres isolates below the statement: one that forgets its tenant does not find the order from the other
/// shop. Past the door it is there.
#[tokio::test]
async fn postgres_keeps_a_forgetful_reader_from_the_order_of_another_shop() {
    const FORGETFUL: &str = "select email from shop_order where token = $1";
    let world = World::postgres().await;
    let mug = mugs(&world, 1, Some(10)).await;
    let placed = buy(&Visitor::new(&world, 1), "key", &basket(&mug, 1)).await;
    let placed: Value = serde_json::from_str(&placed.body).unwrap();
    let token = placed["order_token"].as_str().unwrap().to_owned();
    let mut tx = world.db.begin(&reader(2));
    let statement = tx.sql(FORGETFUL).bind(token.clone());
    let found: Vec<(String,)> = statement.all().await.unwrap();
    assert_eq!(found, []);
    let control: Vec<(String,)> = sqlx::query_as(FORGETFUL)
        .bind(token)
        .fetch_all(&mut world.past_the_door().await)
        .await
        .unwrap();
    assert_eq!(control, [(EMAIL.to_owned(),)]);
}

#[tokio::test]
async fn what_is_no_token_leads_nowhere() {
    let world = World::sqlite().await;
    for token in [
        "0",
        &"0".repeat(64),
        &"0".repeat(500),
        "%00",
        "%ff",
        "a%2Fb",
        "'",
        "..%2f",
    ] {
        for path in [format!("/orders/{token}"), format!("/api/orders/{token}")] {
            refused(
                &world.get(1, &path).await,
                StatusCode::NOT_FOUND,
                "not_found",
            );
        }
    }
}

#[tokio::test]
async fn a_shop_that_may_only_be_read_takes_no_orders() {
    let world = World::sqlite().await;
    mugs(&world, 1, Some(10)).await;
    let at = async |method: Method, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.extension(admitted_in(1, Lifecycle::ReadOnly));
        world.ask(1, request.body(Body::empty()).unwrap()).await
    };
    for path in ["/products/mug", "/cart"] {
        assert_eq!(at(Method::GET, path).await.status, StatusCode::OK, "{path}");
    }
    for path in [
        "/cart/items",
        "/checkout",
        "/checkout/outcome",
        "/api/checkout",
    ] {
        let answer = at(Method::POST, path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(
            answer.body.contains("tenant_read_only"),
            "{path}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn the_page_of_an_order_tells_what_has_become_of_it() {
    let world = World::sqlite().await;
    let mug = mugs(&world, 1, Some(10)).await;
    let buyer = Visitor::new(&world, 1);
    let placed = buy(&buyer, "key", &basket(&mug, 2)).await;
    let placed: Value = serde_json::from_str(&placed.body).unwrap();
    let token = placed["order_token"].as_str().unwrap();
    for (state, title) in [
        ("pending", "We are waiting for your payment"),
        ("paid", "Thank you for your order"),
        ("declined", "The payment was declined"),
        ("expired", "This order was not paid in time"),
        ("cancelled", "This order was cancelled"),
        ("fulfilled", "Your order is on its way"),
        ("refunded", "This order was refunded"),
    ] {
        let mut tx = world.db.begin(&writer(1));
        let change = "update shop_order set state = $2, refunded = 700 where tenant_id = $1";
        tx.sql(change).bind(1_i64).bind(state).run().await.unwrap();
        tx.commit().await.unwrap();
        let page = buyer.get(&format!("/orders/{token}")).await;
        assert!(
            page.body.contains(&format!("<h1>{title}</h1>")),
            "{state}: {}",
            page.body
        );
        assert!(
            page.body.contains("<dt>Refunded</dt><dd>€7.00</dd>"),
            "{}",
            page.body
        );
        let order = buyer.get(&format!("/api/orders/{token}")).await.json();
        assert_eq!(
            (&order["state"], &order["refunded_minor"]),
            (&json!(state), &json!(700))
        );
    }
}

#[tokio::test]
async fn no_text_of_a_cart_or_an_order_becomes_markup() {
    const SCRIPT: &str = "<script>alert(\"x\")</script>&'";
    let world = World::sqlite().await;
    let mut mug = product("mug", SCRIPT);
    mug.options = vec!["Size".into()];
    mug.variants = vec![variant(&[SCRIPT], 1_250)];
    mug.variants[0].quantity = Some(1);
    world.put(1, &mug).await;
    let id = variants(&world, 1, "mug").await.remove(0);
    let mut visitor = Visitor::new(&world, 1);
    visitor.add(&id, "2").await;
    let form = Filled::from(&visitor)
        .await
        .with("email", "\"><script>@example.com");
    let short = form.send(&mut visitor).await;
    assert_eq!(short.status, StatusCode::CONFLICT);
    visitor.change("set", &id, "1").await;
    let form = Filled::from(&visitor)
        .await
        .with("email", "<script>@example.com");
    let order = leads_to_an_order(&form.send(&mut visitor).await);
    for page in [short.body, visitor.get(&order).await.body] {
        assert!(!page.contains("<script"), "{page}");
        // The control: the text is there.
        assert!(page.contains("&#60;script&#62;alert("), "{page}");
    }
}

#[tokio::test]
async fn the_address_of_a_form_leads_to_the_cart() {
    let world = World::sqlite().await;
    for path in ["/checkout", "/checkout/outcome", "/cart/items"] {
        let answer = world.get(1, path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert_eq!(answer.headers[LOCATION], "/cart");
    }
}
