//! What is done to orders, and that none of it reaches another shop.

mod isolation;
mod searches;
mod test_gateway;

use std::num::NonZeroU32;

use storefront::shop::{
    ShopError,
    checkout::{
        CheckoutError, OrderRefund, RefundRequest, RefundState, Restock,
        TENANTS_WITH_PENDING_REFUNDS, too_far,
    },
    order::{self, Order, OrderState},
};

use tenancy_types::{Clock as _, UnixMicros};

use crate::{
    shop_checkout::{
        provider::Fault,
        till::{PRICE, Till, basket, key, paying},
    },
    shop_world::{on_both, product, reader, tenant, variant, writer},
};

async fn order(till: &Till<'_>, id: i64) -> Order {
    let mut tx = till.world.db.begin(&reader(1));
    let order = order::order_by_id(&mut tx, id).await.unwrap();
    tx.commit().await.unwrap();
    order
}

/// Buys so many mugs and returns the order.
async fn bought(till: &Till<'_>, name: &str, mug: i64, quantity: i64) -> Order {
    till.buy(1, name, &basket(&[(mug, quantity)]))
        .await
        .unwrap();
    till.orders(1).await.remove(0)
}

async fn fulfil(till: &Till<'_>, id: i64) -> Result<Order, ShopError> {
    let cell = &till.world.cell;
    let at = cell.ids().now();
    cell.scope(&writer(1), async |tx| order::fulfil(tx, id, at).await)
        .await
}

async fn refund(
    till: &Till<'_>,
    order: i64,
    name: &str,
    amount: Option<i64>,
) -> Result<OrderRefund, CheckoutError> {
    restocked(till, order, name, amount, Restock::NotHandedOver).await
}

async fn restocked(
    till: &Till<'_>,
    order: i64,
    name: &str,
    amount: Option<i64>,
    restock: Restock,
) -> Result<OrderRefund, CheckoutError> {
    let request = RefundRequest {
        order,
        key: key(name),
        amount,
        reason: "it broke".into(),
        restock,
    };
    till.checkout.refund(&writer(1), &request).await
}

#[tokio::test]
async fn an_order_is_found_by_its_token_and_in_the_list() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(50)).await;
        let mut ids = Vec::new();
        for name in ["a", "b", "c"] {
            ids.insert(0, bought(&till, name, mug, 1).await.id);
        }
        till.buy(1, "d", &paying(&[(mug, 1)], "no")).await.unwrap();
        let list = async |state, before, limit| {
            let mut tx = world.db.begin(&reader(1));
            let list = order::orders(&mut tx, state, before, limit).await.unwrap();
            tx.commit().await.unwrap();
            list
        };
        let listed = |list: &[Order]| list.iter().map(|order| order.id).collect::<Vec<_>>();
        let paid = Some(OrderState::Paid);
        assert_eq!(listed(&list(paid, i64::MAX, 2).await), ids[..2]);
        assert_eq!(listed(&list(paid, ids[1], 9).await), ids[2..]);
        assert_eq!(list(None, i64::MAX, 9).await.len(), 4);
        let first = order(&till, ids[0]).await;
        assert_eq!(first.token.len(), 32);
        let mut tx = world.db.begin(&reader(1));
        let found = order::order_by_token(&mut tx, &first.token).await.unwrap();
        assert_eq!(found, first);
        assert_eq!((found.lines.len(), found.lines[0].unit_price), (1, PRICE));
        let none = order::order_by_token(&mut tx, "guess").await;
        assert!(
            matches!(none, Err(ShopError::NotFound { what: "order" })),
            "{none:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn only_a_paid_order_is_handed_over_and_only_once() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        let paid = bought(&till, "k", mug, 2).await;
        for _ in 0..2 {
            assert_eq!(
                fulfil(&till, paid.id).await.unwrap().state,
                OrderState::Fulfilled
            );
            assert_eq!(till.places(1, mug).await, [3, 0, 0, 2]);
        }
        till.buy(1, "d", &paying(&[(mug, 1)], "no")).await.unwrap();
        let declined = till.orders(1).await.remove(0);
        let refused = fulfil(&till, declined.id).await;
        assert!(
            matches!(
                refused,
                Err(ShopError::OrderState {
                    found: OrderState::Declined
                })
            ),
            "{refused:?}"
        );
        let unknown = fulfil(&till, 7).await;
        assert!(
            matches!(unknown, Err(ShopError::NotFound { .. })),
            "{unknown:?}"
        );
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn money_is_given_back_in_parts_and_then_the_goods_are_back() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        let paid = bought(&till, "k", mug, 2).await;
        let part = refund(&till, paid.id, "r1", Some(1_000)).await.unwrap();
        assert_eq!((part.amount, part.state), (1_000, RefundState::Done));
        assert_eq!(
            refund(&till, paid.id, "r1", Some(1_000)).await.unwrap(),
            part
        );
        let other = refund(&till, paid.id, "r1", Some(999)).await;
        assert!(
            matches!(other, Err(CheckoutError::IdempotencyMismatch)),
            "{other:?}"
        );
        for amount in [0, -1, 1_501, i64::MAX, i64::MIN] {
            let bad = refund(&till, paid.id, "bad", Some(amount)).await;
            assert!(
                matches!(bad, Err(CheckoutError::InvalidRequest { .. })),
                "{amount}: {bad:?}"
            );
        }
        let now = order(&till, paid.id).await;
        assert_eq!((now.state, now.refunded), (OrderState::Paid, 1_000));
        assert_eq!(till.places(1, mug).await, [3, 0, 2, 0]);
        let rest = refund(&till, paid.id, "r2", None).await.unwrap();
        assert_eq!(rest.amount, 1_500);
        let now = order(&till, paid.id).await;
        assert_eq!((now.state, now.refunded), (OrderState::Refunded, 2_500));
        assert_eq!(till.places(1, mug).await, [5, 0, 0, 0]);
        let more = refund(&till, paid.id, "r3", None).await;
        assert!(
            matches!(more, Err(CheckoutError::Shop(ShopError::OrderState { .. }))),
            "{more:?}"
        );
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_handed_over_comes_back_from_what_was_sold() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(2)).await;
        let paid = bought(&till, "k", mug, 2).await;
        fulfil(&till, paid.id).await.unwrap();
        restocked(&till, paid.id, "r", None, Restock::HandedOver)
            .await
            .unwrap();
        assert_eq!(till.places(1, mug).await, [2, 0, 0, 0]);
        let shown = world.get(1, "/api/products/mug").await.json();
        assert_eq!(shown["variants"][0]["available"], true);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn refunds_at_once_never_give_back_more_than_was_paid() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(2)).await;
        let paid = bought(&till, "k", mug, 2).await;
        let all = (0..6).map(|number| {
            let till = &till;
            async move { refund(till, paid.id, &format!("r{number}"), Some(1_000)).await }
        });
        let done = futures_util::future::join_all(all).await;
        let done = done.iter().filter(|refund| refund.is_ok()).count();
        assert_eq!(done, 2);
        assert_eq!(till.provider.refunded(&paid.payment_key), 2_000);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_goes_on_and_one_that_is_refused_is_free_again() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(4)).await;
        let paid = bought(&till, "k", mug, 2).await;
        for (name, fault) in [("r1", Fault::AnswerLost), ("r2", Fault::Refused)] {
            till.provider.fail([fault]);
            let unknown = refund(&till, paid.id, name, Some(500)).await;
            assert!(
                matches!(unknown, Err(CheckoutError::PaymentUnknown(_))),
                "{unknown:?}"
            );
        }
        assert_eq!(order(&till, paid.id).await.refunded, 1_000);
        // The operator repeats the one, the worker finds the other.
        let again = refund(&till, paid.id, "r1", Some(500)).await.unwrap();
        assert_eq!(again.state, RefundState::Done);
        let now = world.cell.ids().now();
        let resume = async || till.checkout.resume_refunds(&writer(1), now).await.unwrap();
        assert_eq!(resume().await, 1);
        assert_eq!(resume().await, 0);
        assert_eq!(till.provider.refunded(&paid.payment_key), 1_000);
        till.provider.refuse_refunds();
        let refused = refund(&till, paid.id, "r3", None).await.unwrap();
        assert_eq!(refused.state, RefundState::Refused);
        let now = order(&till, paid.id).await;
        assert_eq!((now.state, now.refunded), (OrderState::Paid, 1_000));
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn a_refund_that_rests_since_a_clock_was_ahead_is_asked_for_again() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        let paid = bought(&till, "k", mug, 1).await;
        till.provider.fail([Fault::Refused]);
        refund(&till, paid.id, "r", None).await.unwrap_err();
        let resume = async |now| till.checkout.resume_refunds(&writer(1), now).await.unwrap();
        let searched = async |now: UnixMicros| {
            let values = [now.get(), 0, too_far(now).get()];
            let limit = NonZeroU32::new(9).unwrap();
            let search = world
                .db
                .tenants_with(TENANTS_WITH_PENDING_REFUNDS, &values, limit);
            search.await.unwrap() == [tenant(1)]
        };
        let right = world.clock.unix();
        let ahead = UnixMicros::new(right.get() + 365 * 24 * 3_600 * 1_000_000);
        let soon = UnixMicros::new(right.get() + 1_000_000);
        for now in [right, ahead] {
            till.provider.fail([Fault::Refused]);
            assert_eq!(resume(now).await, 0);
            assert!(!searched(now).await, "it has a rest");
            assert_eq!(resume(now).await, 0, "it has a rest");
        }
        assert!(searched(soon).await);
        assert_eq!(resume(soon).await, 1);
        assert_eq!(till.provider.refunded(&paid.payment_key), paid.totals.total);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn an_order_is_called_off_unless_it_was_paid() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        for (name, fault, expect) in [
            ("never", Fault::Refused, Some(OrderState::Cancelled)),
            ("paid", Fault::AnswerLost, None),
        ] {
            till.provider.fail([fault]);
            till.buy(1, name, &basket(&[(mug, 1)])).await.unwrap_err();
            let pending = till.orders(1).await.remove(0);
            let done = till.checkout.cancel(&writer(1), pending.id).await;
            match expect {
                Some(state) => assert_eq!(done.unwrap().state, state),
                None => assert!(
                    matches!(
                        done,
                        Err(CheckoutError::Shop(ShopError::OrderState {
                            found: OrderState::Paid
                        }))
                    ),
                    "{done:?}"
                ),
            }
        }
        assert_eq!(till.places(1, mug).await, [4, 0, 1, 0]);
        let answer = till.buy(1, "never", &basket(&[(mug, 1)])).await.unwrap();
        assert_eq!(answer.status(), 409);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_handed_over_stays_away_unless_somebody_says_that_it_came_back() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(2)).await;
        let paid = bought(&till, "k", mug, 2).await;
        fulfil(&till, paid.id).await.unwrap();
        refund(&till, paid.id, "r", None).await.unwrap();
        assert_eq!(order(&till, paid.id).await.state, OrderState::Refunded);
        assert_eq!(till.places(1, mug).await, [0, 0, 0, 2]);
    })
    .await;
}

#[tokio::test]
async fn what_is_being_refunded_is_not_handed_over() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(2)).await;
        let paid = bought(&till, "k", mug, 2).await;
        till.provider.fail([Fault::Refused]);
        refund(&till, paid.id, "r", Some(1)).await.unwrap_err();
        let refused = fulfil(&till, paid.id).await;
        assert!(
            matches!(refused, Err(ShopError::RefundPending)),
            "{refused:?}"
        );
        refund(&till, paid.id, "r", Some(1)).await.unwrap();
        fulfil(&till, paid.id).await.unwrap();
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn an_order_that_cost_nothing_is_refunded_at_once() {
    on_both(async |world| {
        let till = Till::new(world);
        let mut gift = product("gift", "Gift");
        gift.variants = vec![variant(&[], 0)];
        gift.variants[0].quantity = Some(3);
        world.put(1, &gift).await;
        let gift = till.variant(1, "gift").await;
        let paid = bought(&till, "k", gift, 2).await;
        for _ in 0..2 {
            let done = refund(&till, paid.id, "r", None).await.unwrap();
            assert_eq!((done.amount, done.state), (0, RefundState::Done));
            assert_eq!(order(&till, paid.id).await.state, OrderState::Refunded);
            assert_eq!(till.places(1, gift).await, [3, 0, 0, 0]);
        }
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn a_copy_of_a_shop_leaves_payments_to_the_original() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(9)).await;
        let paid = bought(&till, "paid", mug, 2).await;
        till.provider.fail([Fault::Refused]);
        refund(&till, paid.id, "r", Some(100)).await.unwrap_err();
        for number in 0..7 {
            till.provider.fail([Fault::Refused]);
            let name = format!("pending-{number}");
            till.buy(1, &name, &basket(&[(mug, 1)])).await.unwrap_err();
        }
        assert_eq!(till.places(1, mug).await, [0, 7, 2, 0]);
        let now = world.cell.ids().now();
        for _ in 0..2 {
            let disown = order::disown_payments(&world.cell, &writer(1), now).await;
            disown.unwrap();
            assert_eq!(till.places(1, mug).await, [7, 0, 2, 0]);
            let expect = [(OrderState::Paid, 1), (OrderState::Expired, 7)];
            assert_eq!(till.states(1).await, expect);
            assert_eq!(order(&till, paid.id).await.refunded, 0);
        }
        let elsewhere = refund(&till, paid.id, "s", None).await;
        assert!(
            matches!(
                elsewhere,
                Err(CheckoutError::Shop(ShopError::PaymentElsewhere))
            ),
            "{elsewhere:?}"
        );
        assert_eq!(till.provider.refunded(&paid.payment_key), 0);
        // The keys are as good as new, and what is bought from now on is the copy's own.
        let own = bought(&till, "paid", mug, 1).await;
        refund(&till, own.id, "own", None).await.unwrap();
        fulfil(&till, paid.id).await.unwrap();
        assert_eq!(till.places(1, mug).await, [7, 0, 0, 2]);
    })
    .await;
}

/// A shop with many orders is made a shop of its own in many transactions, between which others of its cell write:
/// an order that cannot be called off keeps those before it from nothing.
#[tokio::test]
async fn a_copy_is_disowned_a_part_at_a_time() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(60)).await;
        let mut jug = product("jug", "Jug");
        jug.variants[0].quantity = Some(1);
        world.put(1, &jug).await;
        let jug = till.variant(1, "jug").await;
        for number in 0..51 {
            till.provider.fail([Fault::Refused]);
            let item = if number < 50 { mug } else { jug };
            let name = format!("pending-{number}");
            till.buy(1, &name, &basket(&[(item, 1)])).await.unwrap_err();
        }
        let hold = async |pieces: i64| {
            let mut tx = world.db.begin(&writer(1));
            let sql = "update stock set reserved = reserved + $3, on_hand = on_hand - $3
                where tenant_id = $1 and variant_id = $2";
            let statement = tx.sql(sql).bind(1_i64).bind(jug).bind(pieces);
            assert_eq!(statement.run().await.unwrap(), 1);
            tx.commit().await.unwrap();
        };
        hold(-1).await;
        let now = world.cell.ids().now();
        let broken = order::disown_payments(&world.cell, &writer(1), now).await;
        assert!(
            matches!(broken, Err(ShopError::StockBroken { variant }) if variant == jug),
            "{broken:?}"
        );
        assert_eq!(till.places(1, mug).await, [60, 0, 0, 0]);
        let expect = [(OrderState::Pending, 1), (OrderState::Expired, 50)];
        assert_eq!(till.states(1).await, expect);
        hold(1).await;
        let disowned = order::disown_payments(&world.cell, &writer(1), now).await;
        disowned.unwrap();
        assert_eq!(till.states(1).await, [(OrderState::Expired, 51)]);
        till.audit().await;
    })
    .await;
}
