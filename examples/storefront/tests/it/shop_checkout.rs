//! Buying: one answer a key, one charge an order, no order without stock, whatever fails.

mod faults;
pub(crate) mod provider;
pub(crate) mod till;

use http::StatusCode;
use storefront::{
    import::Policy,
    money::Money,
    shop::{
        checkout::{Basket, CheckoutError, Document, Shipping, Tax},
        order::OrderState,
    },
};
use tenancy_types::Problem as _;

use crate::shop_world::{World, eur, on_both, product, variant};
use till::{PRICE, Till, basket, code, paying};

#[tokio::test]
async fn a_basket_is_bought_once_a_key() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        let first = till.buy(1, "k", &basket(&[(mug, 2)])).await.unwrap();
        assert_eq!(first.status(), 201);
        let Document::Placed(placed) = first.document() else {
            panic!("{first:?}")
        };
        assert_eq!(
            (placed.total_minor, placed.currency.as_str()),
            (2 * PRICE, "EUR")
        );
        assert_eq!(placed.state, "paid");
        let again = till
            .buy(1, "k", &basket(&[(mug, 1), (mug, 1)]))
            .await
            .unwrap();
        assert_eq!((again.status(), again.json()), (201, first.json()));
        let other = till.buy(1, "k", &basket(&[(mug, 1)])).await;
        assert!(
            matches!(other, Err(CheckoutError::IdempotencyMismatch)),
            "{other:?}"
        );
        assert_eq!(till.places(1, mug).await, [3, 0, 2, 0]);
        assert_eq!(till.provider.charges().len(), 1);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn a_decline_is_an_answer_like_any_other() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        let declined = paying(&[(mug, 2)], "test-decline");
        for _ in 0..2 {
            let answer = till.buy(1, "k", &declined).await.unwrap();
            assert_eq!(
                (answer.status(), code(&answer)),
                (402, "payment_declined".into())
            );
        }
        // Paying with the same key is another request.
        let paid = till.buy(1, "k", &basket(&[(mug, 2)])).await;
        assert!(
            matches!(paid, Err(CheckoutError::IdempotencyMismatch)),
            "{paid:?}"
        );
        assert_eq!(till.states(1).await, [(OrderState::Declined, 1)]);
        assert_eq!(till.places(1, mug).await, [5, 0, 0, 0]);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn what_is_short_is_named_and_nothing_is_held() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(3)).await;
        let mut bowl = product("bowl", "Bowl");
        bowl.variants[0].quantity = Some(0);
        world.put(1, &bowl).await;
        let bowl = till.variant(1, "bowl").await;
        let asked = basket(&[(mug, 4), (bowl, 1)]);
        let answer = till.buy(1, "k", &asked).await.unwrap();
        assert_eq!(answer.status(), 409);
        let json: serde_json::Value = serde_json::from_str(&answer.json()).unwrap();
        assert_eq!(json["error"]["code"], "out_of_stock");
        let mut expect = vec![
            serde_json::json!({"variant_id": mug.to_string(), "requested": 4, "available": 3}),
            serde_json::json!({"variant_id": bowl.to_string(), "requested": 1, "available": 0}),
        ];
        if bowl < mug {
            expect.reverse();
        }
        assert_eq!(json["error"]["items"], serde_json::Value::from(expect));
        // The answer stays, although it would be another one today.
        till.mug(1, Some(10)).await;
        let again = till.buy(1, "k", &asked).await.unwrap();
        assert_eq!(again, answer);
        assert_eq!(till.states(1).await, []);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn only_what_the_shop_lists_is_sold_and_only_at_the_price_that_was_seen() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        let theirs = till.mug(2, Some(5)).await;
        let mut hidden = product("hidden", "Hidden");
        world.put(1, &hidden).await;
        let unlisted = till.variant(1, "hidden").await;
        hidden.published = false;
        world.put(1, &hidden).await;
        for (name, unknown) in [("a", theirs), ("b", unlisted), ("c", 1), ("d", i64::MIN)] {
            let answer = till
                .buy(1, name, &basket(&[(mug, 1), (unknown, 1)]))
                .await
                .unwrap();
            assert_eq!(
                (answer.status(), code(&answer)),
                (404, "unknown_variant".into())
            );
            assert!(
                answer.json().contains(&format!("\"{unknown}\"")),
                "{}",
                answer.json()
            );
            let other = till.buy(1, name, &basket(&[(mug, 1)])).await;
            assert!(
                matches!(other, Err(CheckoutError::IdempotencyMismatch)),
                "{other:?}"
            );
        }
        till.mug(1, Some(9)).await;
        let seen = basket(&[(mug, 2)]).expected_total(2 * PRICE - 1);
        let answer = till.buy(1, "price", &seen).await.unwrap();
        assert_eq!(
            (answer.status(), code(&answer)),
            (409, "price_changed".into())
        );
        assert!(
            answer.json().contains("\"total_minor\":2500"),
            "{}",
            answer.json()
        );
        let seen = basket(&[(mug, 2)]).expected_total(2 * PRICE);
        assert_eq!(till.buy(1, "right", &seen).await.unwrap().status(), 201);
        assert_eq!(till.places(2, theirs).await, [5, 0, 0, 0]);
        till.audit().await;
    })
    .await;
}

/// Whoever was told that nothing was bought is not charged by asking again.
#[tokio::test]
async fn a_refusal_stays_when_the_shop_could_sell_it_by_now() {
    on_both(async |world| {
        let till = Till::new(world);
        let mut mug = product("mug", "Mug");
        mug.variants[0].quantity = Some(5);
        world.put(1, &mug).await;
        let id = till.variant(1, "mug").await;
        let asked = basket(&[(id, 2)]);
        mug.published = false;
        world.put(1, &mug).await;
        let unknown = till.buy(1, "unlisted", &asked).await.unwrap();
        assert_eq!(unknown.status(), 404);
        mug.published = true;
        mug.variants[0].price = Money::new(i64::MAX, eur());
        world.put(1, &mug).await;
        let dear = till.buy(1, "dear", &asked).await.unwrap();
        assert_eq!(
            (dear.status(), code(&dear)),
            (400, "invalid_request".into())
        );
        mug.variants[0].price = Money::new(PRICE, eur());
        world.put(1, &mug).await;
        for (name, answer) in [("unlisted", unknown), ("dear", dear)] {
            let again = till.buy(1, name, &asked).await.unwrap();
            assert_eq!(again, answer);
            let other = till.buy(1, name, &basket(&[(id, 1)])).await;
            assert!(
                matches!(other, Err(CheckoutError::IdempotencyMismatch)),
                "{name}: {other:?}"
            );
        }
        assert_eq!(till.states(1).await, []);
        assert_eq!(till.places(1, id).await, [5, 0, 0, 0]);
        // The control: it is sold by now.
        assert_eq!(till.buy(1, "new", &asked).await.unwrap().status(), 201);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn a_total_that_is_no_amount_is_refused() {
    on_both(async |world| {
        let till = Till::new(world);
        let mut dear = product("dear", "Dear");
        dear.variants = vec![variant(&[], i64::MAX)];
        world.put(1, &dear).await;
        let dear = till.variant(1, "dear").await;
        let answer = till.buy(1, "k", &basket(&[(dear, 2)])).await.unwrap();
        assert_eq!(
            (answer.status(), code(&answer)),
            (400, "invalid_request".into())
        );
        let answer = till.buy(1, "l", &basket(&[(dear, 1)])).await.unwrap();
        assert_eq!(answer.status(), 201);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn what_nobody_counts_is_sold_and_what_may_be_late_is_taken_from_stock_first() {
    on_both(async |world| {
        let till = Till::new(world);
        let voucher = till.mug(1, None).await;
        let mut late = product("late", "Late");
        late.variants[0].quantity = Some(2);
        late.variants[0].policy = Policy::Continue;
        world.put(1, &late).await;
        let late = till.variant(1, "late").await;
        let answer = till
            .buy(1, "k", &basket(&[(voucher, 1_000), (late, 3)]))
            .await
            .unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(till.places(1, late).await, [0, 0, 2, 0]);
        let lines = &till.orders(1).await[0].lines;
        let from_stock = |id| {
            lines
                .iter()
                .find(|line| line.variant == id)
                .unwrap()
                .from_stock
        };
        assert_eq!((from_stock(voucher), from_stock(late)), (0, 2));
        let answer = till.buy(1, "l", &basket(&[(late, 1)])).await.unwrap();
        assert_eq!(answer.status(), 201);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn fifty_buyers_of_the_last_ten() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(10)).await;
        let buyers = (0..50).map(|buyer| {
            let till = &till;
            async move {
                till.buy(1, &format!("buyer-{buyer}"), &basket(&[(mug, 1)]))
                    .await
            }
        });
        let answers = futures_util::future::join_all(buyers).await;
        let codes: Vec<String> = answers
            .iter()
            .map(|answer| code(answer.as_ref().unwrap()))
            .collect();
        let count = |wanted: &str| codes.iter().filter(|code| *code == wanted).count();
        assert_eq!(
            (count("placed"), count("out_of_stock")),
            (10, 40),
            "{codes:?}"
        );
        assert_eq!(till.places(1, mug).await, [0, 0, 10, 0]);
        assert_eq!(till.provider.charges().len(), 10);
        let shown = world.get(1, "/api/products/mug").await.json();
        assert_eq!(shown["variants"][0]["available"], false);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn one_key_at_once_is_one_checkout() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(10)).await;
        let asked = basket(&[(mug, 1)]);
        let all = (0..20).map(|_| till.buy(1, "k", &asked));
        let answers = futures_util::future::join_all(all).await;
        let answers: Vec<String> = answers
            .into_iter()
            .map(|answer| answer.unwrap().json())
            .collect();
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{answers:?}"
        );
        assert_eq!(till.states(1).await, [(OrderState::Paid, 1)]);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn baskets_that_share_products_in_any_order_do_not_block_each_other() {
    on_both(async |world| {
        let till = Till::new(world);
        let mut variants = Vec::new();
        for handle in ["a", "b", "c"] {
            let mut two = product(handle, handle);
            two.options = vec!["Size".into()];
            two.variants = vec![variant(&["S"], 100), variant(&["M"], 100)];
            for variant in &mut two.variants {
                variant.quantity = Some(8);
            }
            world.put(1, &two).await;
            let shown = world
                .get(1, &format!("/api/products/{handle}"))
                .await
                .json();
            for variant in shown["variants"].as_array().unwrap() {
                variants.push(
                    variant["variant_id"]
                        .as_str()
                        .unwrap()
                        .parse::<i64>()
                        .unwrap(),
                );
            }
        }
        let buyers = (0..24).map(|buyer: usize| {
            let mut items: Vec<(i64, i64)> = variants.iter().map(|id| (*id, 1)).collect();
            items.rotate_left(buyer % variants.len());
            items.truncate(4);
            let till = &till;
            async move { till.buy(1, &format!("b{buyer}"), &basket(&items)).await }
        });
        for answer in futures_util::future::join_all(buyers).await {
            let answer = answer.unwrap();
            assert!(matches!(answer.status(), 201 | 409), "{answer:?}");
        }
        till.audit().await;
        // The flags of the catalogue are what the stock says.
        for handle in ["a", "b", "c"] {
            let shown = world
                .get(1, &format!("/api/products/{handle}"))
                .await
                .json();
            for variant in shown["variants"].as_array().unwrap() {
                let id = variant["variant_id"].as_str().unwrap().parse().unwrap();
                let [on_hand, ..] = till.places(1, id).await;
                assert_eq!(variant["available"], on_hand > 0);
            }
        }
    })
    .await;
}

/// Both write stock and the catalogue's flags, in one order of locks.
#[tokio::test]
async fn imports_and_buyers_at_once_do_not_block_each_other() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(2)).await;
        let buyers = (0..20).map(|buyer| {
            let till = &till;
            async move {
                let name = format!("b{buyer}");
                let answer = till.buy(1, &name, &basket(&[(mug, 1)])).await.unwrap();
                assert!(matches!(answer.status(), 201 | 409), "{answer:?}");
            }
        });
        let imports = async {
            for quantity in [1, 3, 2, 4, 1, 3] {
                till.mug(1, Some(quantity)).await;
            }
        };
        tokio::join!(futures_util::future::join_all(buyers), imports);
        till.audit().await;
        let shown = world.get(1, "/api/products/mug").await.json();
        let [on_hand, ..] = till.places(1, mug).await;
        assert_eq!(shown["variants"][0]["available"], on_hand > 0);
    })
    .await;
}

struct Flat(i64);

impl Shipping for Flat {
    fn cost(&self, _: &Basket, _: i64) -> i64 {
        self.0
    }
}

impl Tax for Flat {
    fn on_top(&self, _: &Basket, items: i64, shipping: i64) -> i64 {
        (items + shipping) * self.0 / 1_000
    }
}

#[tokio::test]
async fn shipping_and_tax_are_a_part_of_the_total() {
    let world = World::sqlite().await;
    let mut till = Till::new(&world);
    till.checkout = till.checkout.shipping(Flat(500)).tax(Flat(200));
    let mug = till.mug(1, Some(5)).await;
    till.buy(1, "k", &basket(&[(mug, 2)])).await.unwrap();
    let totals = till.orders(1).await[0].totals;
    assert_eq!(
        (totals.items, totals.shipping, totals.tax, totals.total),
        (2_500, 500, 600, 3_600)
    );
    assert_eq!(
        till.provider.charges().into_values().collect::<Vec<_>>(),
        [3_600]
    );
}

#[test]
fn an_unknown_payment_asks_for_the_same_request_again() {
    let unknown = storefront::shop::payment::PaymentUnknown::new("silence");
    let error = CheckoutError::from(unknown);
    assert_eq!(
        error.kind().http_status(),
        StatusCode::SERVICE_UNAVAILABLE.as_u16()
    );
    assert_eq!(error.code().as_str(), "payment_unknown");
    assert_ne!(error.retry(), tenancy_types::Retry::No);
}
