//! Orders, stock and keys of one shop mean nothing in the other one.

use storefront::shop::{
    ShopError,
    checkout::{CheckoutError, RefundRequest, Restock},
    inventory::{self, ChangeError, StockChange, StockFilter, StockStep, change_stock},
    order::{self, Order, OrderState},
};

use crate::{
    shop_checkout::{
        provider::Fault,
        till::{Till, basket, key},
    },
    shop_world::{World, on_both, reader, writer},
};

/// Both shops sell a mug and have sold one under the same key.
async fn two_tills(world: &World) -> (Till<'_>, [i64; 2], [Order; 2]) {
    let till = Till::new(world);
    let mugs = [till.mug(1, Some(5)).await, till.mug(2, Some(7)).await];
    for (shop, mug) in [(1, mugs[0]), (2, mugs[1])] {
        let answer = till.buy(shop, "same", &basket(&[(mug, 1)])).await.unwrap();
        assert_eq!(
            answer.status(),
            201,
            "the same key is another key in another shop"
        );
    }
    let orders = [
        till.orders(1).await.remove(0),
        till.orders(2).await.remove(0),
    ];
    assert_ne!(orders[0].payment_key, orders[1].payment_key);
    assert_ne!(orders[0].token, orders[1].token);
    (till, mugs, orders)
}

#[tokio::test]
async fn another_shops_order_is_found_by_nothing() {
    on_both(async |world| {
        let (till, _, orders) = two_tills(world).await;
        let mut tx = world.db.begin(&reader(1));
        for found in [
            order::order_by_token(&mut tx, &orders[1].token).await,
            order::order_by_id(&mut tx, orders[1].id).await,
        ] {
            assert!(
                matches!(found, Err(ShopError::NotFound { .. })),
                "{found:?}"
            );
        }
        let listed = order::orders(&mut tx, None, i64::MAX, 100).await.unwrap();
        assert_eq!(listed, [orders[0].clone()]);
        tx.commit().await.unwrap();
        let at = world.cell.ids().now();
        let theirs = orders[1].id;
        let fulfilled = world
            .cell
            .scope(&writer(1), async |tx| order::fulfil(tx, theirs, at).await)
            .await;
        assert!(
            matches!(fulfilled, Err(ShopError::NotFound { .. })),
            "{fulfilled:?}"
        );
        let cancelled = till.checkout.cancel(&writer(1), theirs).await;
        assert!(matches!(
            cancelled,
            Err(CheckoutError::Shop(ShopError::NotFound { .. }))
        ));
        let request = RefundRequest {
            order: theirs,
            key: key("r"),
            amount: None,
            reason: String::new(),
            restock: Restock::default(),
        };
        let refunded = till.checkout.refund(&writer(1), &request).await;
        assert!(matches!(
            refunded,
            Err(CheckoutError::Shop(ShopError::NotFound { .. }))
        ));
        assert_eq!(till.orders(2).await, [orders[1].clone()]);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn another_shops_stock_is_neither_seen_nor_changed() {
    on_both(async |world| {
        let (till, mugs, _) = two_tills(world).await;
        let mut tx = world.db.begin(&reader(1));
        assert_eq!(inventory::stock(&mut tx, mugs[1]).await.unwrap(), None);
        let list = inventory::stock_list(&mut tx, StockFilter::All, 0, 100)
            .await
            .unwrap();
        assert_eq!(
            list.iter().map(|entry| entry.variant).collect::<Vec<_>>(),
            [mugs[0]]
        );
        tx.commit().await.unwrap();
        let change = StockChange {
            variant: mugs[1],
            step: Some(StockStep::Receive(1)),
            note: String::new(),
            reorder_at: None,
        };
        let changed = change_stock(&world.cell, &writer(1), &change, None).await;
        assert!(
            matches!(changed, Err(ChangeError::Shop(ShopError::NotFound { .. }))),
            "{changed:?}"
        );
        assert_eq!(till.places(2, mugs[1]).await, [6, 0, 1, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_workers_visit_to_one_shop_leaves_the_other_alone() {
    on_both(async |world| {
        let till = Till::new(world);
        for shop in [1, 2] {
            let mug = till.mug(shop, Some(5)).await;
            till.provider.fail([Fault::Refused]);
            till.buy(shop, "k", &basket(&[(mug, 1)])).await.unwrap_err();
        }
        let far = tenancy_types::UnixMicros::new(i64::MAX);
        till.checkout.expire_due(&writer(1), far).await.unwrap();
        let forgotten = till.checkout.forget_keys(&writer(1), far).await.unwrap();
        assert_eq!(forgotten, 1);
        assert_eq!(till.states(1).await, [(OrderState::Expired, 1)]);
        assert_eq!(till.states(2).await, [(OrderState::Pending, 1)]);
        till.audit().await;
    })
    .await;
}

/// Postgres isolates below the statement; past the door the other shop's rows are there.
#[tokio::test]
async fn postgres_keeps_a_forgetful_reader_in_its_shop() {
    let world = World::postgres().await;
    two_tills(&world).await;
    let mut tx = world.db.begin(&reader(1));
    let mut control = world.past_the_door().await;
    for sql in [
        "select tenant_id from shop_order order by tenant_id",
        "select tenant_id from stock order by tenant_id",
        "select tenant_id from checkout_key where key = 'same' order by tenant_id",
    ] {
        let rows: Vec<(i64,)> = tx.sql(sql).all().await.unwrap();
        assert_eq!(rows, [(1,)], "{sql}");
        let all: Vec<(i64,)> = sqlx::query_as(sql).fetch_all(&mut control).await.unwrap();
        assert_eq!(
            all,
            [(1,), (2,)],
            "{sql}: the control must see the other shop"
        );
    }
}

/// SQLite isolates below the statement.
#[tokio::test]
async fn sqlite_keeps_a_forgetful_reader_in_its_shop() {
    let world = World::sqlite().await;
    two_tills(&world).await;
    let mut tx = world.db.begin(&reader(1));
    for sql in [
        "select tenant_id from shop_order",
        "select tenant_id from stock",
        "select tenant_id from stock_event where kind = 'received'",
        "select tenant_id from order_line",
        "select tenant_id from checkout_key",
    ] {
        let rows: Vec<(i64,)> = tx.sql(sql).all().await.unwrap();
        assert_eq!(rows, [(1,)], "{sql}");
    }
}
