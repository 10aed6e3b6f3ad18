//! Carts: what goes in, what they show, and that nobody else's cart can be reached.

use std::time::Duration;

use futures_util::future::join_all;
use http::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, REFERRER_POLICY, SET_COOKIE},
};
use storefront::shop::{
    cart::{self, CartSecret, Contents},
    checkout::CheckoutKey,
};
use tenancy_core::{ReadOnly, db::CellTx};
use tenancy_types::Clock as _;

use crate::{
    shop_visitor::{FORM, Visitor, encoded, variants},
    shop_world::{Answer, World, eur, on_both, product, reader, variant, writer},
};

#[track_caller]
fn refused(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(json["error"]["code"], code, "{json}");
}

/// A shop with one mug at 12.50; its variant.
async fn a_mug(world: &World, shop: u32) -> String {
    world
        .put(shop, &product("mug", &format!("Mug of shop {shop}")))
        .await;
    variants(world, shop, "mug").await.remove(0)
}

#[tokio::test]
async fn a_cart_begins_with_the_first_thing_that_is_put_in() {
    on_both(async |world| {
        let mug = a_mug(world, 1).await;
        let mut visitor = Visitor::new(world, 1);
        for path in ["/", "/products/mug", "/search", "/cart"] {
            let page = visitor.get(path).await;
            assert_eq!(page.status, StatusCode::OK, "{path}");
            assert!(
                !page.headers.contains_key(SET_COOKIE),
                "{path} makes no cart"
            );
        }
        assert!(
            visitor
                .get("/cart")
                .await
                .body
                .contains("Nothing in it yet")
        );
        visitor.add(&mug, "2").await;
        let cart = visitor.get("/cart").await;
        assert!(
            cart.body.contains("Mug of shop 1") && cart.body.contains("€25.00"),
            "{}",
            cart.body
        );
        assert!(!cart.headers.contains_key(SET_COOKIE));
        let first = visitor.cookie.clone();
        visitor.add(&mug, "3").await;
        assert_eq!(visitor.cookie, first, "it is the same cart");
        assert_eq!(visitor.quantities().await, [5]);
        // A product's page is the same for those who have a cart and those who have none.
        let with = visitor.get("/products/mug").await;
        let without = world.get(1, "/products/mug").await;
        assert_eq!(
            (with.body, &with.headers[ETAG]),
            (without.body, &without.headers[ETAG])
        );
    })
    .await;
}

#[tokio::test]
async fn lines_change_within_limits_and_stay_as_they_are_beyond() {
    on_both(async |world| {
        let mug = a_mug(world, 1).await;
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "998").await;
        visitor.add(&mug, "2").await;
        let full = visitor.post("/cart/items", &[("variant_id", &mug)]).await;
        refused(&full, StatusCode::CONFLICT, "cart_full");
        for quantity in ["0", "-1", "1001", "1.5", "many", "99999999999999999999"] {
            let fields = [("variant_id", mug.as_str()), ("quantity", quantity)];
            let answer = visitor.post("/cart/items", &fields).await;
            refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
        }
        refused(
            &visitor.change("set", &mug, "1001").await,
            StatusCode::BAD_REQUEST,
            "invalid_request",
        );
        refused(
            &visitor.change("sell", &mug, "1").await,
            StatusCode::BAD_REQUEST,
            "invalid_request",
        );
        refused(
            &visitor.post("/cart/items", &[]).await,
            StatusCode::BAD_REQUEST,
            "invalid_request",
        );
        assert_eq!(visitor.quantities().await, [1_000]);
        assert_eq!(
            visitor.change("set", &mug, "7").await.status,
            StatusCode::SEE_OTHER
        );
        assert_eq!(visitor.quantities().await, [7]);
        assert_eq!(
            visitor.change("set", &mug, "0").await.status,
            StatusCode::SEE_OTHER
        );
        assert_eq!(visitor.quantities().await, Vec::<i64>::new());
        visitor.add(&mug, "1").await;
        assert_eq!(
            visitor.change("remove", &mug, "1").await.status,
            StatusCode::SEE_OTHER
        );
        assert!(
            visitor
                .get("/cart")
                .await
                .body
                .contains("Nothing in it yet")
        );
    })
    .await;
}

#[tokio::test]
async fn a_cart_has_at_most_a_hundred_lines() {
    let world = World::sqlite().await;
    let mut shirt = product("shirt", "Shirt");
    shirt.options = vec!["Size".into()];
    shirt.variants = (0..101)
        .map(|size| variant(&[&size.to_string()], 100))
        .collect();
    world.put(1, &shirt).await;
    let sizes = variants(&world, 1, "shirt").await;
    let mut visitor = Visitor::new(&world, 1);
    for size in &sizes[..100] {
        visitor.add(size, "1").await;
    }
    let more = visitor
        .post("/cart/items", &[("variant_id", &sizes[100])])
        .await;
    refused(&more, StatusCode::CONFLICT, "cart_full");
    visitor.add(&sizes[0], "1").await;
    assert_eq!(
        visitor.change("remove", &sizes[1], "0").await.status,
        StatusCode::SEE_OTHER
    );
    visitor.add(&sizes[100], "1").await;
    assert_eq!(visitor.quantities().await.len(), 100);
}

#[tokio::test]
async fn clicks_at_the_same_time_add_up() {
    on_both(async |world| {
        let mug = a_mug(world, 1).await;
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "1").await;
        let form = encoded(&[("variant_id", &mug), ("quantity", "2")]);
        let headers = [(CONTENT_TYPE.as_str(), FORM)];
        let clicks = (0..8).map(|_| visitor.send("/cart/items", &headers, &form));
        for answer in join_all(clicks).await {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        }
        assert_eq!(visitor.quantities().await, [17]);
    })
    .await;
}

#[tokio::test]
async fn what_the_shop_does_not_list_cannot_be_put_in() {
    on_both(async |world| {
        let theirs = a_mug(world, 2).await;
        let mut draft = product("draft", "Draft");
        world.put(1, &draft).await;
        let unlisted = variants(world, 1, "draft").await.remove(0);
        draft.published = false;
        world.put(1, &draft).await;
        let mut visitor = Visitor::new(world, 1);
        for variant in [theirs.as_str(), &unlisted, "1", "-1"] {
            let answer = visitor
                .post("/cart/items", &[("variant_id", variant)])
                .await;
            refused(&answer, StatusCode::NOT_FOUND, "unknown_variant");
            assert!(!answer.headers.contains_key(SET_COOKIE), "nothing was made");
        }
        for variant in ["mug", "1e3", " "] {
            let answer = visitor
                .post("/cart/items", &[("variant_id", variant)])
                .await;
            refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
        }
    })
    .await;
}

#[tokio::test]
async fn the_page_says_what_has_changed_since() {
    on_both(async |world| {
        let mug = a_mug(world, 1).await;
        let mut bowl = product("bowl", "Bowl");
        world.put(1, &bowl).await;
        let bowls = variants(world, 1, "bowl").await.remove(0);
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "2").await;
        visitor.add(&bowls, "1").await;
        let before = visitor.get("/cart").await.body;
        assert!(
            before.contains("€37.50") && before.contains("Pay €37.50"),
            "{before}"
        );
        assert!(!before.contains("price has changed"));

        bowl.variants[0].price = variant(&[], 2_000).price;
        world.put(1, &bowl).await;
        let dearer = visitor.get("/cart").await.body;
        assert!(
            dearer.contains("The price has changed: it was €12.50"),
            "{dearer}"
        );
        assert!(dearer.contains("Pay €45.00"), "{dearer}");

        bowl.variants[0].quantity = Some(0);
        world.put(1, &bowl).await;
        let sold_out = visitor.get("/cart").await.body;
        assert!(
            sold_out.contains("Sold out at the moment") && !sold_out.contains("Pay €"),
            "{sold_out}"
        );

        bowl.published = false;
        world.put(1, &bowl).await;
        let gone = visitor.get("/cart").await.body;
        assert!(gone.contains("An article that is no longer sold"), "{gone}");
        assert!(
            !gone.contains("Bowl") && gone.contains("€25.00") && !gone.contains("Pay €"),
            "{gone}"
        );
        assert_eq!(
            visitor.change("remove", &bowls, "").await.status,
            StatusCode::SEE_OTHER
        );
        assert!(visitor.get("/cart").await.body.contains("Pay €25.00"));
    })
    .await;
}

#[tokio::test]
async fn a_cart_is_nothing_at_another_shop() {
    on_both(async |world| {
        let (mug, theirs) = (a_mug(world, 1).await, a_mug(world, 2).await);
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "2").await;
        let mut elsewhere = visitor.elsewhere(2);
        let page = elsewhere.get("/cart").await;
        assert!(page.body.contains("Nothing in it yet"), "{}", page.body);
        assert!(!page.body.contains("shop 1"));
        // What is put in there goes into a cart of that shop, with a secret of its own.
        elsewhere.add(&theirs, "1").await;
        assert_ne!(elsewhere.cookie, visitor.cookie);
        assert_eq!(elsewhere.quantities().await, [1]);
        assert_eq!(visitor.quantities().await, [2]);
        // Nor does the token of a form lead from one shop to the other, with the same secret.
        let token = visitor.token().await;
        let mut forged = visitor.elsewhere(2);
        let fields = [
            ("action", "set"),
            ("variant_id", &*theirs),
            ("quantity", "1"),
            ("csrf_token", &*token),
        ];
        refused(
            &forged.post("/cart/items", &fields).await,
            StatusCode::FORBIDDEN,
            "csrf_rejected",
        );
        assert_eq!(
            visitor
                .post(
                    "/cart/items",
                    &[
                        ("action", "set"),
                        ("variant_id", &mug),
                        ("quantity", "1"),
                        ("csrf_token", &token)
                    ]
                )
                .await
                .status,
            StatusCode::SEE_OTHER
        );
    })
    .await;
}

/// Postgres isolates below the statement: one that forgets its tenant finds nothing of the other shop's cart.
/// Past the door the lines are there.
#[tokio::test]
async fn postgres_keeps_a_forgetful_reader_from_the_cart_of_another_shop() {
    const FORGETFUL: &str = "select quantity from cart_item where cart_id = $1";
    let world = World::postgres().await;
    let mug = a_mug(&world, 1).await;
    let mut visitor = Visitor::new(&world, 1);
    visitor.add(&mug, "2").await;
    let secret = visitor.secret();
    let mut tx = world.db.begin(&reader(2));
    let lines: Vec<(i64,)> = tx
        .sql(FORGETFUL)
        .bind(secret.cart_id())
        .all()
        .await
        .unwrap();
    assert_eq!(lines, []);
    let control: Vec<(i64,)> = sqlx::query_as(FORGETFUL)
        .bind(secret.cart_id())
        .fetch_all(&mut world.past_the_door().await)
        .await
        .unwrap();
    assert_eq!(control, [(2,)]);
}

#[tokio::test]
async fn the_tables_open_no_cart() {
    on_both(async |world| {
        let mug = a_mug(world, 1).await;
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "2").await;
        let secret = visitor.secret();
        let mut tx = world.db.begin(&reader(1));
        let statement = tx
            .sql("select cart_id from cart where tenant_id = $1")
            .bind(1_i64);
        let stored: Vec<(String,)> = statement.all().await.unwrap();
        assert_eq!(stored, [(secret.cart_id(),)]);
        let mut thief = Visitor::new(world, 1);
        thief.cookie = Some(format!("cart={}", stored[0].0));
        assert!(thief.get("/cart").await.body.contains("Nothing in it yet"));
    })
    .await;
}

#[tokio::test]
async fn a_form_that_acts_on_a_cart_comes_from_its_page() {
    let world = World::sqlite().await;
    let mug = a_mug(&world, 1).await;
    let (mut visitor, mut other) = (Visitor::new(&world, 1), Visitor::new(&world, 1));
    visitor.add(&mug, "2").await;
    other.add(&mug, "3").await;
    let (own, theirs) = (visitor.token().await, other.token().await);
    for (token, expect) in [
        ("", StatusCode::FORBIDDEN),
        ("x", StatusCode::FORBIDDEN),
        (theirs.as_str(), StatusCode::FORBIDDEN),
        (&own[1..], StatusCode::FORBIDDEN),
        (own.as_str(), StatusCode::SEE_OTHER),
    ] {
        for action in ["set", "remove"] {
            let fields = [
                ("action", action),
                ("variant_id", &*mug),
                ("quantity", "5"),
                ("csrf_token", token),
            ];
            assert_eq!(
                visitor.post("/cart/items", &fields).await.status,
                expect,
                "{action} {token}"
            );
            if expect == StatusCode::FORBIDDEN {
                assert_eq!(visitor.quantities().await, [2]);
            }
        }
    }
    let nobody = &mut Visitor::new(&world, 1);
    let fields = [
        ("action", "remove"),
        ("variant_id", &*mug),
        ("csrf_token", &*own),
    ];
    refused(
        &nobody.post("/cart/items", &fields).await,
        StatusCode::FORBIDDEN,
        "csrf_rejected",
    );
}

#[tokio::test]
async fn no_page_of_another_origin_changes_anything() {
    let world = World::sqlite().await;
    let mug = a_mug(&world, 1).await;
    let visitor = Visitor::new(&world, 1);
    let form = encoded(&[("variant_id", &mug)]);
    let host = ("host", "kiln.localhost:8080");
    for (field, status) in [
        (("sec-fetch-site", "cross-site"), StatusCode::FORBIDDEN),
        (("sec-fetch-site", "same-site"), StatusCode::FORBIDDEN),
        (("origin", "https://evil.example"), StatusCode::FORBIDDEN),
        (
            ("origin", "http://yama.localhost:8080"),
            StatusCode::FORBIDDEN,
        ),
        (("origin", "null"), StatusCode::FORBIDDEN),
        (
            ("origin", "http://kiln.localhost:8080"),
            StatusCode::SEE_OTHER,
        ),
        (("sec-fetch-site", "same-origin"), StatusCode::SEE_OTHER),
        (("accept", "text/html"), StatusCode::SEE_OTHER),
    ] {
        let headers = [(CONTENT_TYPE.as_str(), FORM), host, field];
        let answer = visitor.send("/cart/items", &headers, &form).await;
        assert_eq!(answer.status, status, "{field:?}: {}", answer.body);
        assert_eq!(
            answer.headers.contains_key(SET_COOKIE),
            status == StatusCode::SEE_OTHER
        );
        let made = answer.body.contains("csrf_rejected");
        assert_eq!(made, status == StatusCode::FORBIDDEN, "{field:?}");
    }
}

#[tokio::test]
async fn a_form_is_a_form() {
    let world = World::sqlite().await;
    let mug = a_mug(&world, 1).await;
    let visitor = Visitor::new(&world, 1);
    for kind in [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
    ] {
        let form = encoded(&[("variant_id", &mug)]);
        let answer = visitor
            .send("/cart/items", &[(CONTENT_TYPE.as_str(), kind)], &form)
            .await;
        refused(
            &answer,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
        );
    }
    let headers = [(
        CONTENT_TYPE.as_str(),
        "application/x-www-form-urlencoded; charset=UTF-8",
    )];
    let form = encoded(&[("variant_id", &mug)]);
    assert_eq!(
        visitor.send("/cart/items", &headers, &form).await.status,
        StatusCode::SEE_OTHER
    );
    let large = encoded(&[("variant_id", &mug), ("note", &"x".repeat(70_000))]);
    let answer = visitor.send("/cart/items", &headers, &large).await;
    refused(&answer, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large");
    let answer = visitor
        .send("/cart/items", &headers, "variant_id=%ff")
        .await;
    refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
    let answer = visitor
        .send("/cart/items", &headers, "variant_id=1&variant_id=2")
        .await;
    refused(&answer, StatusCode::BAD_REQUEST, "invalid_request");
}

#[tokio::test]
async fn a_cart_is_kept_by_no_cache() {
    let world = World::sqlite().await;
    let mug = a_mug(&world, 1).await;
    let mut visitor = Visitor::new(&world, 1);
    for round in 0..2 {
        let page = visitor.get("/cart").await;
        assert_eq!(page.headers[CACHE_CONTROL], "private, no-store", "{round}");
        assert_eq!(page.headers["x-robots-tag"], "noindex");
        assert_eq!(page.headers[REFERRER_POLICY], "no-referrer");
        assert!(!page.headers.contains_key(ETAG));
        visitor.add(&mug, "1").await;
    }
    assert_eq!(
        world.get(1, "/products/mug").await.headers[CACHE_CONTROL],
        "no-cache"
    );
}

#[tokio::test]
async fn an_order_takes_out_what_the_cart_had_when_it_was_shown() {
    on_both(async |world| {
        let mug = a_mug(world, 1).await;
        world.put(1, &product("bowl", "Bowl")).await;
        let bowl = variants(world, 1, "bowl").await.remove(0);
        let mut visitor = Visitor::new(world, 1);
        visitor.add(&mug, "2").await;
        let secret = visitor.secret();
        let shown = contents(world, &secret).await;
        // Nothing happens to a version by looking; a change and a new attempt make another.
        assert_eq!(contents(world, &secret).await, shown);
        visitor.add(&bowl, "1").await;
        let added = contents(world, &secret).await;
        assert_ne!(added.version, shown.version);
        let now = world.cell.ids().now();
        let purchase = |name: &str, version| cart::Purchase {
            key: CheckoutKey::new(name).unwrap(),
            version,
        };
        let (first, second) = (purchase("a", added.version), purchase("b", shown.version));
        let mut tx = world.db.begin(&writer(1));
        assert_eq!(cart::note(&mut tx, &secret, &first).await.unwrap(), None);
        let earlier = cart::note(&mut tx, &secret, &second).await.unwrap();
        assert_eq!(earlier.as_ref(), Some(&first));
        // A purchase that the cart has not noted changes nothing of it.
        cart::renew(&mut tx, now, &secret, &second).await.unwrap();
        cart::take_out(&mut tx, now, &secret, &second)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let noted = Contents {
            sent: Some(first.version),
            ..added.clone()
        };
        assert_eq!(contents(world, &secret).await, noted);
        let mut tx = world.db.begin(&writer(1));
        cart::renew(&mut tx, now, &secret, &first).await.unwrap();
        assert_eq!(cart::note(&mut tx, &secret, &second).await.unwrap(), None);
        tx.commit().await.unwrap();
        assert_ne!(contents(world, &secret).await.version, added.version);
        assert_eq!(visitor.quantities().await, [2, 1]);
        for _ in 0..2 {
            let mut tx = world.db.begin(&writer(1));
            cart::take_out(&mut tx, now, &secret, &second)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            assert_eq!(visitor.quantities().await, [1], "what came later stays");
        }
    })
    .await;
}

#[tokio::test]
async fn carts_that_were_left_behind_are_forgotten() {
    on_both(async |world| {
        let mug = a_mug(world, 1).await;
        let mut left = Visitor::new(world, 1);
        left.add(&mug, "2").await;
        let forget = async || {
            let now = world.clock.unix();
            cart::forget_old(&world.cell, &writer(1), now)
                .await
                .unwrap()
        };
        let day = Duration::from_secs(24 * 3_600);
        world.clock.advance(29 * day);
        let mut kept = Visitor::new(world, 1);
        kept.add(&mug, "1").await;
        assert_eq!(forget().await, 0);
        world.clock.advance(2 * day);
        assert_eq!(forget().await, 1);
        assert_eq!(left.quantities().await, Vec::<i64>::new());
        assert_eq!(kept.quantities().await, [1]);
    })
    .await;
}

async fn contents(world: &World, secret: &CartSecret) -> Contents {
    let mut tx: CellTx<ReadOnly> = world.db.begin(&reader(1));
    cart::contents(&mut tx, secret, eur())
        .await
        .unwrap()
        .unwrap()
}
