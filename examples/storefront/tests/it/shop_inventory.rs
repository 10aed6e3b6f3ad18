//! Stock: the numbers are the sum of their log, whatever is done to them.

mod model;
mod upgrade;

use storefront::shop::{
    ShopError,
    inventory::{
        self, Cause, ChangeError, MAX_PIECES, StockChange, StockEvent, StockFilter, StockKey,
        StockKind, StockStep, StockWrite, change_stock,
    },
};
use tenancy_types::UnixMicros;

use crate::{
    shop_checkout::till::{Till, basket},
    shop_world::{World, on_both, product, reader, tenant, variant, writer},
};

/// The log of a variant: kinds and quantities.
async fn log(world: &World, shop: u32, variant: i64) -> Vec<(String, i64)> {
    let mut tx = world.db.begin(&reader(shop));
    let sql = "select kind, quantity from stock_event where tenant_id = $1 and variant_id = $2 order by seq";
    let statement = tx.sql(sql).bind(tenant(shop).as_i64()).bind(variant);
    let log = statement.all().await.unwrap();
    tx.commit().await.unwrap();
    log
}

/// What is on hand after a change of stock.
async fn change(till: &Till<'_>, variant: i64, step: StockStep) -> Result<i64, ChangeError> {
    let change = StockChange {
        variant,
        step: Some(step),
        note: "test".to_owned(),
        reorder_at: None,
    };
    let stock = change_stock(&till.world.cell, &writer(1), &change, None).await?;
    Ok(stock.on_hand)
}

async fn reorder_at(till: &Till<'_>, variant: i64, at: i64) -> Result<(), ChangeError> {
    let change = StockChange {
        variant,
        step: None,
        note: String::new(),
        reorder_at: Some(Some(at)),
    };
    change_stock(&till.world.cell, &writer(1), &change, None)
        .await
        .map(drop)
}

#[tokio::test]
async fn an_import_counts_anew_only_when_it_states_another_quantity() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(10)).await;
        till.buy(1, "k", &basket(&[(mug, 3)])).await.unwrap();
        // Another price, the same quantity: what was sold stays sold.
        let mut dearer = product("mug", "Mug");
        dearer.variants = vec![variant(&[], 1_500)];
        dearer.variants[0].quantity = Some(10);
        world.put(1, &dearer).await;
        assert_eq!(till.places(1, mug).await, [7, 0, 3, 0]);
        till.mug(1, Some(12)).await;
        assert_eq!(till.places(1, mug).await, [12, 0, 3, 0]);
        till.mug(1, Some(0)).await;
        assert_eq!(till.places(1, mug).await, [0, 0, 3, 0]);
        let shown = world.get(1, "/api/products/mug").await.json();
        assert_eq!(shown["variants"][0]["available"], false);
        // Nobody counts any more, and then somebody does again.
        till.mug(1, None).await;
        let shown = world.get(1, "/api/products/mug").await.json();
        assert_eq!(shown["variants"][0]["available"], true);
        till.buy(1, "uncounted", &basket(&[(mug, 100)]))
            .await
            .unwrap();
        assert_eq!(till.mug(1, Some(4)).await, mug, "ids stay");
        assert_eq!(till.places(1, mug).await, [4, 0, 3, 0]);
        let expect = [
            ("received", 10),
            ("reserved", 3),
            ("allocated", 3),
            ("adjusted", 5),
            ("adjusted", -12),
            ("adjusted", 4),
        ];
        let expect = expect.map(|(kind, quantity)| (kind.to_owned(), quantity));
        assert_eq!(log(world, 1, mug).await, expect);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn what_was_sold_of_a_variant_that_is_gone_stays_sold() {
    on_both(async |world| {
        let till = Till::new(world);
        let mut sizes = product("mug", "Mug");
        sizes.options = vec!["Size".into()];
        sizes.variants = vec![variant(&["S"], 100), variant(&["M"], 100)];
        sizes.variants[0].quantity = Some(5);
        world.put(1, &sizes).await;
        let small = till.variant(1, "mug").await;
        till.buy(1, "k", &basket(&[(small, 2)])).await.unwrap();
        sizes.variants.remove(0);
        world.put(1, &sizes).await;
        let answer = till.buy(1, "l", &basket(&[(small, 1)])).await.unwrap();
        assert_eq!(answer.status(), 404);
        assert_eq!(till.places(1, small).await, [3, 0, 2, 0]);
        let order = &till.orders(1).await[0];
        assert_eq!(
            (
                order.lines[0].title.as_str(),
                order.lines[0].options.as_str()
            ),
            ("Mug", "S")
        );
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn people_change_stock_within_what_is_on_hand() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        till.buy(1, "k", &basket(&[(mug, 2)])).await.unwrap();
        assert_eq!(
            change(&till, mug, StockStep::Receive(4)).await.unwrap(),
            7
        );
        assert_eq!(
            change(&till, mug, StockStep::Adjust(-7)).await.unwrap(),
            0
        );
        let shown = world.get(1, "/api/products/mug").await.json();
        assert_eq!(shown["variants"][0]["available"], false);
        let short = change(&till, mug, StockStep::Adjust(-1)).await;
        assert!(
            matches!(short, Err(ChangeError::Shop(ShopError::NotEnoughStock { variant })) if variant == mug),
            "{short:?}"
        );
        assert_eq!(change(&till, mug, StockStep::Count(9)).await.unwrap(), 9);
        for bad in [
            StockStep::Receive(-1),
            StockStep::Receive(i64::MAX),
            StockStep::Adjust(i64::MIN),
            StockStep::Count(-1),
        ] {
            let refused = change(&till, mug, bad).await;
            assert!(
                matches!(refused, Err(ChangeError::Shop(ShopError::InvalidRequest { .. }))),
                "{bad:?}: {refused:?}"
            );
        }
        let refused = reorder_at(&till, mug, -1).await;
        assert!(
            matches!(refused, Err(ChangeError::Shop(ShopError::InvalidRequest { .. }))),
            "{refused:?}"
        );
        let unknown = change(&till, 7, StockStep::Receive(1)).await;
        assert!(
            matches!(unknown, Err(ChangeError::Shop(ShopError::NotFound { .. }))),
            "{unknown:?}"
        );
        assert_eq!(till.places(1, mug).await, [9, 0, 2, 0]);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn a_key_changes_stock_once() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        let receive = async |quantity: i64, fingerprint: &str| {
            let change = StockChange {
                variant: mug,
                step: Some(StockStep::Receive(quantity)),
                note: String::new(),
                reorder_at: None,
            };
            let key = StockKey {
                key: "delivery".to_owned(),
                fingerprint: fingerprint.to_owned(),
            };
            change_stock(&world.cell, &writer(1), &change, Some(&key)).await
        };
        let first = receive(4, "four").await.unwrap();
        assert_eq!(first.on_hand, 9);
        assert_eq!(receive(4, "four").await.unwrap(), first);
        let other = receive(3, "three").await;
        assert!(
            matches!(other, Err(ChangeError::IdempotencyMismatch)),
            "{other:?}"
        );
        assert_eq!(till.places(1, mug).await, [9, 0, 0, 0]);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn somebody_is_told_once_when_stock_runs_low() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(6)).await;
        reorder_at(&till, mug, 3).await.unwrap();
        let mut alerts = Vec::new();
        // 6 → 4 → 3 → 2 → 5 → 1
        for (kind, quantity) in [
            (StockKind::Adjusted, -2),
            (StockKind::Adjusted, -1),
            (StockKind::Adjusted, -1),
            (StockKind::Received, 3),
            (StockKind::Adjusted, -4),
        ] {
            let cause = Cause {
                at: UnixMicros::new(0),
                order: None,
                note: String::new(),
            };
            let mut tx = world.db.begin(&writer(1));
            let mut stock = StockWrite::new(&mut tx, cause);
            stock
                .apply(mug, StockEvent { kind, quantity })
                .await
                .unwrap()
                .unwrap();
            let raised = stock.finish().await.unwrap();
            tx.commit().await.unwrap();
            alerts.push(raised.iter().map(|alert| alert.on_hand).collect::<Vec<_>>());
        }
        assert_eq!(alerts, [vec![], vec![3], vec![], vec![], vec![1]]);
    })
    .await;
}

#[tokio::test]
async fn a_quantity_that_a_product_states_alerts_like_any_other_change() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(6)).await;
        reorder_at(&till, mug, 3).await.unwrap();
        let mut alerts = Vec::new();
        let mut stated = product("mug", "Mug");
        for quantity in [Some(4), Some(3), Some(2), None, Some(5), Some(0)] {
            stated.variants[0].quantity = quantity;
            let raised = world.upsert(1, &stated).await.alerts;
            let told = raised.iter().map(|alert| (alert.variant, alert.on_hand));
            alerts.push(told.collect::<Vec<_>>());
        }
        let expect = [
            vec![],
            vec![(mug, 3)],
            vec![],
            vec![],
            vec![],
            vec![(mug, 0)],
        ];
        assert_eq!(alerts, expect);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn stock_of_what_is_not_counted_is_not_changed() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        let mut bowl = product("bowl", "Bowl");
        bowl.variants[0].quantity = Some(5);
        world.put(1, &bowl).await;
        let gone = till.variant(1, "bowl").await;
        bowl.variants.clear();
        world.put(1, &bowl).await;
        till.mug(1, None).await;
        for variant in [mug, gone] {
            for step in [
                StockStep::Receive(1),
                StockStep::Adjust(-1),
                StockStep::Count(9),
            ] {
                let refused = change(&till, variant, step).await;
                assert!(
                    matches!(refused, Err(ChangeError::Shop(ShopError::NotFound { .. }))),
                    "{step:?}: {refused:?}"
                );
            }
            let refused = reorder_at(&till, variant, 1).await;
            assert!(
                matches!(refused, Err(ChangeError::Shop(ShopError::NotFound { .. }))),
                "{refused:?}"
            );
            assert_eq!(till.places(1, variant).await, [5, 0, 0, 0]);
            assert_eq!(log(world, 1, variant).await.len(), 1);
        }
        // It is counted again.
        till.mug(1, Some(5)).await;
        assert_eq!(change(&till, mug, StockStep::Receive(1)).await.unwrap(), 6);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn no_more_come_in_than_can_be_counted() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        for step in [
            StockStep::Receive(MAX_PIECES),
            StockStep::Receive(MAX_PIECES - 4),
            StockStep::Adjust(MAX_PIECES - 4),
        ] {
            let refused = change(&till, mug, step).await;
            let text = "at most 4294967295 pieces can be on hand";
            assert!(
                matches!(&refused, Err(ChangeError::Shop(ShopError::InvalidRequest { message, .. }))
                    if message == text),
                "{step:?}: {refused:?}"
            );
        }
        assert_eq!(till.places(1, mug).await, [5, 0, 0, 0]);
        let full = change(&till, mug, StockStep::Receive(MAX_PIECES - 5)).await;
        assert_eq!(full.unwrap(), MAX_PIECES);
        assert_eq!(change(&till, mug, StockStep::Count(0)).await.unwrap(), 0);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn the_list_has_what_is_counted_page_by_page() {
    on_both(async |world| {
        let till = Till::new(world);
        for (handle, quantity) in [("a", Some(0)), ("b", None), ("c", Some(9)), ("d", Some(4))] {
            let mut one = product(handle, handle);
            one.variants[0].quantity = quantity;
            world.put(1, &one).await;
        }
        let d = till.variant(1, "d").await;
        reorder_at(&till, d, 5).await.unwrap();
        let list = async |filter, after, limit| {
            let mut tx = world.db.begin(&reader(1));
            let list = inventory::stock_list(&mut tx, filter, after, limit)
                .await
                .unwrap();
            tx.commit().await.unwrap();
            list
        };
        let handles = |list: &[inventory::StockEntry]| {
            list.iter()
                .map(|entry| entry.handle.clone())
                .collect::<Vec<_>>()
        };
        let first = list(StockFilter::All, 0, 2).await;
        assert_eq!(handles(&first), ["a", "c"]);
        assert_eq!(
            handles(&list(StockFilter::All, first[1].variant, 2).await),
            ["d"]
        );
        assert_eq!(handles(&list(StockFilter::Low, 0, 9).await), ["a", "d"]);
        assert_eq!(first[1].stock.on_hand, 9);
    })
    .await;
}

#[tokio::test]
async fn numbers_that_were_tampered_with_are_found_and_rebuilt() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        till.buy(1, "k", &basket(&[(mug, 2)])).await.unwrap();
        let before = till.stock(1, mug).await;
        let mut tx = world.db.begin(&writer(1));
        let sql =
            "update stock set on_hand = on_hand + 1, received = received + 1 where tenant_id = $1";
        tx.sql(sql).bind(tenant(1).as_i64()).run().await.unwrap();
        tx.commit().await.unwrap();
        let rebuild = async || inventory::rebuild(&world.cell, &writer(1)).await.unwrap();
        let found = rebuild().await;
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].variant, found[0].logged), (mug, Some(before)));
        assert_eq!(till.stock(1, mug).await, before);
        assert_eq!(rebuild().await, []);
        // A log with a hole is not believed.
        let mut tx = world.db.begin(&writer(1));
        let sql = "delete from stock_event where tenant_id = $1 and seq = 2";
        tx.sql(sql).bind(tenant(1).as_i64()).run().await.unwrap();
        let found = inventory::compare(&mut tx).await.unwrap();
        assert_eq!((found.len(), found[0].logged), (1, None));
        tx.commit().await.unwrap();
        assert_eq!(rebuild().await, found);
        assert_eq!(till.stock(1, mug).await, before, "it is left alone");
    })
    .await;
}

#[tokio::test]
async fn what_a_rebuild_brings_back_can_be_bought_again() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(5)).await;
        let theirs = till.mug(2, Some(7)).await;
        for sql in [
            "update stock set on_hand = 0, received = 0 where tenant_id = $1",
            "update product_variant set available = 0 where tenant_id = $1",
            "update product set available = 0 where tenant_id = $1",
        ] {
            for shop in [1, 2] {
                let mut tx = world.db.begin(&writer(shop));
                let tenant = tenant(shop).as_i64();
                tx.sql(sql).bind(tenant).run().await.unwrap();
                tx.commit().await.unwrap();
            }
        }
        let found = inventory::rebuild(&world.cell, &writer(1)).await.unwrap();
        assert_eq!(found.len(), 1);
        let shown = world.get(1, "/api/products/mug").await.json();
        assert_eq!(shown["variants"][0]["available"], true);
        let answer = till.buy(1, "k", &basket(&[(mug, 5)])).await.unwrap();
        assert_eq!(answer.status(), 201);
        // The other shop's stock is as wrong as it was.
        assert_eq!(till.places(2, theirs).await, [0; 4]);
        let found = inventory::rebuild(&world.cell, &writer(2)).await.unwrap();
        assert_eq!(found.len(), 1);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn rebuilding_takes_nothing_from_buyers() {
    let world = World::postgres().await;
    let till = Till::new(&world);
    let mug = till.mug(1, Some(100)).await;
    let rebuilds = async {
        let writer = writer(1);
        for _ in 0..10 {
            let rebuilt = inventory::rebuild(&world.cell, &writer).await;
            assert_eq!(rebuilt.unwrap(), [], "nothing was wrong");
        }
    };
    let buyers = (0..30).map(|buyer| {
        let till = &till;
        async move {
            till.buy(1, &format!("b{buyer}"), &basket(&[(mug, 1)]))
                .await
        }
    });
    let (bought, ()) = tokio::join!(futures_util::future::join_all(buyers), rebuilds);
    assert!(bought.iter().all(Result::is_ok), "{bought:?}");
    assert_eq!(till.places(1, mug).await, [70, 0, 30, 0]);
    till.audit().await;
}

#[tokio::test]
async fn two_first_counts_at_once_are_one_after_the_other() {
    let world = World::postgres().await;
    let till = Till::new(&world);
    let mug = till.mug(1, None).await;
    let count = |quantity| {
        let world = &world;
        async move {
            let cause = Cause {
                at: UnixMicros::new(0),
                order: None,
                note: String::new(),
            };
            let open = async |tx: &mut tenancy_core::db::CellTx<tenancy_core::ReadWrite>| {
                let mut write = StockWrite::new(tx, cause.clone());
                write.open(mug, quantity).await?;
                write.finish().await.map(drop)
            };
            world.cell.scope(&writer(1), open).await.unwrap();
        }
    };
    futures_util::future::join_all([5, 6, 7, 8].map(count)).await;
    let on_hand = till.places(1, mug).await[0];
    assert!((5..=8).contains(&on_hand), "{on_hand}");
    assert_eq!(log(&world, 1, mug).await.len(), 4);
    till.audit().await;
}
