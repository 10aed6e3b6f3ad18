//! The provider fails, the client goes away, the database refuses, the clock jumps: afterwards the same
//! request has one order and one charge.

use std::{num::NonZeroU32, time::Duration};

use sqlx::{Connection as _, Executor as _};
use storefront::shop::{
    checkout::{CheckoutError, Swept, TENANTS_WITH_DUE_ORDERS, too_far},
    order::OrderState,
};
use tenancy_types::{Clock as _, UnixMicros};

use super::{
    provider::Fault,
    till::{Till, basket, code, paying, polled},
};
use crate::shop_world::{World, on_both, tenant, writer};

const LONGER_THAN_PENDING: Duration = Duration::from_mins(16);

#[tokio::test]
async fn a_provider_that_fails_once_charges_once() {
    on_both(async |world| {
        for fault in Fault::ALL {
            let till = Till::new(world);
            let mug = till.mug(1, Some(100)).await;
            let name = format!("{fault:?}");
            till.provider.fail([fault]);
            let first = till.buy(1, &name, &basket(&[(mug, 1)])).await;
            match fault {
                Fault::Twice => assert_eq!(first.unwrap().status(), 201),
                _ => assert!(
                    matches!(first, Err(CheckoutError::PaymentUnknown(_))),
                    "{fault:?}: {first:?}"
                ),
            }
            let again = till.buy(1, &name, &basket(&[(mug, 1)])).await.unwrap();
            assert_eq!(again.status(), 201, "{fault:?}");
            assert_eq!(till.provider.charges().len(), 1, "{fault:?}");
        }
        let till = Till::new(world);
        let paid = Fault::ALL.len();
        assert_eq!(till.states(1).await, [(OrderState::Paid, paid)]);
        let mug = till.variant(1, "mug").await;
        assert_eq!(
            till.places(1, mug).await,
            [100 - paid as i64, 0, paid as i64, 0]
        );
    })
    .await;
}

#[tokio::test]
async fn what_nobody_goes_on_with_is_settled_by_what_the_provider_knows() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(10)).await;
        for (name, fault) in [("paid", Fault::AnswerLost), ("never", Fault::Silent)] {
            till.provider.fail([fault]);
            let answer = till.buy(1, name, &basket(&[(mug, 2)])).await;
            assert!(
                matches!(answer, Err(CheckoutError::PaymentUnknown(_))),
                "{answer:?}"
            );
        }
        assert_eq!(till.places(1, mug).await, [6, 4, 0, 0]);
        let sweep = async || {
            let now = world.clock.unix();
            till.checkout.expire_due(&writer(1), now).await.unwrap()
        };
        assert_eq!(sweep().await, Swept::default(), "they are not over yet");
        world.clock.advance(LONGER_THAN_PENDING);
        till.provider.fail([Fault::Refused, Fault::Panics]);
        let unknown = Swept {
            unknown: 2,
            ..Swept::default()
        };
        assert_eq!(
            sweep().await,
            unknown,
            "without an answer nothing is decided"
        );
        assert_eq!(till.places(1, mug).await, [6, 4, 0, 0]);
        assert_eq!(sweep().await, Swept::default(), "they have a rest");
        world.clock.advance(Duration::from_mins(1));
        assert_eq!(
            sweep().await,
            Swept {
                paid: 1,
                ended: 1,
                unknown: 0
            }
        );
        assert_eq!(sweep().await, Swept::default());
        assert_eq!(till.places(1, mug).await, [8, 0, 2, 0]);
        // The buyers come back.
        let paid = till.buy(1, "paid", &basket(&[(mug, 2)])).await.unwrap();
        let never = till.buy(1, "never", &basket(&[(mug, 2)])).await.unwrap();
        assert_eq!((paid.status(), never.status()), (201, 409));
        assert_eq!(code(&never), "checkout_ended");
        till.audit().await;
    })
    .await;
}

/// The worker voids while the buyer's request is about to charge: both say the same in the end.
#[tokio::test]
async fn a_charge_after_the_void_is_declined() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(10)).await;
        let asked = basket(&[(mug, 1)]);
        till.provider.fail([Fault::Silent]);
        till.buy(1, "k", &asked).await.unwrap_err();
        world.clock.advance(LONGER_THAN_PENDING);
        // The void arrives, its answer does not; then the buyer tries again.
        till.provider.fail([Fault::AnswerLost]);
        let now = world.clock.unix();
        let swept = till.checkout.expire_due(&writer(1), now).await.unwrap();
        assert_eq!(swept.unknown, 1);
        let answer = till.buy(1, "k", &asked).await.unwrap();
        assert_eq!(answer.status(), 402);
        assert_eq!(
            till.checkout.expire_due(&writer(1), now).await.unwrap(),
            Swept::default()
        );
        assert_eq!(till.buy(1, "k", &asked).await.unwrap(), answer);
        assert_eq!(till.places(1, mug).await, [10, 0, 0, 0]);
        till.audit().await;
    })
    .await;
}

#[tokio::test]
async fn a_client_may_go_away_at_any_moment() {
    let world = World::sqlite().await;
    let till = Till::new(&world);
    let mug = till.mug(1, Some(1_000)).await;
    let mut dropped = 0;
    for (token, status) in [("test", 201), ("test-decline", 402)] {
        for polls in 0.. {
            let name = format!("{token}-{polls}");
            let asked = paying(&[(mug, 1)], token);
            let finished = polled(polls, till.buy(1, &name, &asked)).await;
            let again = till.buy(1, &name, &asked).await.unwrap();
            assert_eq!(again.status(), status, "after {polls} polls");
            if let Some(answer) = finished {
                assert_eq!(answer.unwrap(), again);
                break;
            }
            dropped += 1;
        }
    }
    assert!(dropped >= 10, "dropped only {dropped} times");
    let orders = till.orders(1).await.len();
    assert_eq!(orders, dropped + 2, "one order a key");
    till.audit().await;
}

/// Each write of the two transactions, refused once by the database.
const WRITES: [(&str, &str); 9] = [
    ("insert", "checkout_key"),
    ("update", "stock when (new.reserved > old.reserved)"),
    ("insert", "stock_event"),
    ("insert", "shop_order"),
    ("insert", "order_line"),
    ("update", "shop_order"),
    ("update", "stock when (new.allocated > old.allocated)"),
    ("insert", "stock_event when (new.kind = 'allocated')"),
    ("update", "checkout_key"),
];

/// So many of them are made before the provider is asked.
const BEFORE_THE_PROVIDER: usize = 5;

#[tokio::test]
async fn every_write_may_fail_once_in_a_file() {
    let world = World::sqlite().await;
    let mut behind = world.behind_its_back().await;
    let refusing = "begin select raise(abort, 'broken on purpose'); end";
    every_write_may_fail_once(&world, &mut behind, [refusing, ""]).await;
    behind.close().await.unwrap();
}

#[tokio::test]
async fn every_write_may_fail_once_in_postgres() {
    let world = World::postgres().await;
    let mut behind = world.past_the_door().await;
    let function = "create function broken() returns trigger language plpgsql
        as $$ begin raise exception 'broken on purpose'; end $$";
    behind.execute(function).await.unwrap();
    let refusing = "execute function broken()";
    every_write_may_fail_once(&world, &mut behind, [refusing, "on"]).await;
    behind.close().await.unwrap();
}

/// What `refusing` says is done for each row; a trigger is dropped from its table where the database wants to know it.
async fn every_write_may_fail_once<C>(world: &World, behind: &mut C, [refusing, on]: [&str; 2])
where
    for<'c> &'c mut C: sqlx::Executor<'c>,
{
    let till = Till::new(world);
    let mug = till.mug(1, Some(100)).await;
    for (step, (verb, table)) in WRITES.into_iter().enumerate() {
        let (table, when) = table.split_once(' ').unwrap_or((table, ""));
        let trigger = format!(
            "create trigger broken before {verb} on {table} for each row {when} {refusing}"
        );
        (&mut *behind)
            .execute(sqlx::AssertSqlSafe(trigger))
            .await
            .unwrap();
        let name = format!("step-{step}");
        let failed = till.buy(1, &name, &basket(&[(mug, 1)])).await;
        // Once the provider has been asked, no failure sounds as if nothing had been paid.
        let expected = match &failed {
            Err(CheckoutError::Shop(_)) => step < BEFORE_THE_PROVIDER,
            Err(CheckoutError::PaymentUnknown(_)) => step >= BEFORE_THE_PROVIDER,
            _ => false,
        };
        assert!(expected, "{verb} {table}: {failed:?}");
        till.audit().await;
        let on = if on.is_empty() {
            String::new()
        } else {
            format!("{on} {table}")
        };
        let drop = format!("drop trigger broken {on}");
        (&mut *behind)
            .execute(sqlx::AssertSqlSafe(drop))
            .await
            .unwrap();
        let answer = till.buy(1, &name, &basket(&[(mug, 1)])).await.unwrap();
        assert_eq!(answer.status(), 201, "{verb} {table}");
        let again = till.buy(1, &name, &basket(&[(mug, 1)])).await.unwrap();
        assert_eq!(again, answer, "{verb} {table}");
    }
    let steps = WRITES.len() as i64;
    assert_eq!(till.places(1, mug).await, [100 - steps, 0, steps, 0]);
    till.audit().await;
}

#[tokio::test]
async fn a_clock_that_jumps_neither_loses_nor_doubles_a_checkout() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(10)).await;
        let asked = basket(&[(mug, 1)]);
        till.provider.fail([Fault::AnswerLost]);
        till.buy(1, "k", &asked).await.unwrap_err();
        // Far ahead all is over, and far back, where nobody can have noted it, too.
        let sweep = async |now| till.checkout.expire_due(&writer(1), now).await.unwrap();
        till.provider.fail([Fault::Refused]);
        assert_eq!(sweep(UnixMicros::new(0)).await.unknown, 1);
        world.clock.advance(Duration::from_hours(24 * 365));
        let answer = till.buy(1, "k", &asked).await.unwrap();
        assert_eq!(answer.status(), 201);
        assert_eq!(sweep(UnixMicros::new(i64::MAX)).await, Swept::default());
        assert_eq!(
            till.checkout
                .forget_keys(&writer(1), UnixMicros::new(0))
                .await
                .unwrap(),
            0
        );
        till.audit().await;
    })
    .await;
}

/// An order of a clock that was ahead is not held until the clock shows that time again.
#[tokio::test]
async fn what_a_clock_that_was_ahead_has_noted_is_due() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(10)).await;
        let right = world.clock.unix();
        let sweep = async |now| till.checkout.expire_due(&writer(1), now).await.unwrap();
        let searched = async |now: UnixMicros| {
            let values = [now.get(), 0, too_far(now).get()];
            let limit = NonZeroU32::new(9).unwrap();
            let search = world
                .db
                .tenants_with(TENANTS_WITH_DUE_ORDERS, &values, limit);
            search.await.unwrap() == [tenant(1)]
        };
        world.clock.advance(Duration::from_mins(14));
        till.provider.fail([Fault::Refused]);
        till.buy(1, "little", &basket(&[(mug, 1)]))
            .await
            .unwrap_err();
        assert_eq!(
            sweep(right).await,
            Swept::default(),
            "a payment may be under way"
        );
        assert!(!searched(right).await);
        let later = UnixMicros::new(right.get() + 30 * 60 * 1_000_000);
        assert!(searched(later).await);
        assert_eq!(sweep(later).await.ended, 1);

        world.clock.advance(Duration::from_hours(24 * 365));
        till.provider.fail([Fault::AnswerLost]);
        till.buy(1, "year", &basket(&[(mug, 1)])).await.unwrap_err();
        assert!(searched(right).await);
        // It rests until a year from now, too.
        let ahead = UnixMicros::new(world.clock.unix().get() + 20 * 60 * 1_000_000);
        till.provider.fail([Fault::Refused]);
        assert_eq!(sweep(ahead).await.unknown, 1);
        assert_eq!(sweep(ahead).await, Swept::default(), "it has a rest");
        assert_eq!(sweep(right).await.paid, 1);
        assert!(!searched(right).await);
        assert_eq!(till.places(1, mug).await, [9, 0, 1, 0]);
        till.audit().await;
    })
    .await;
}

/// More than one batch of orders of which the provider says nothing, and one after them.
#[tokio::test]
async fn orders_of_which_nothing_is_known_keep_no_other_waiting() {
    on_both(async |world| {
        let till = Till::new(world);
        let mug = till.mug(1, Some(100)).await;
        for number in 0..51 {
            till.provider.fail([Fault::Refused]);
            let name = format!("k{number}");
            till.buy(1, &name, &basket(&[(mug, 1)])).await.unwrap_err();
            world.clock.advance(Duration::from_secs(1));
        }
        world.clock.advance(LONGER_THAN_PENDING);
        let now = world.clock.unix();
        let sweep = async || till.checkout.expire_due(&writer(1), now).await.unwrap();
        till.provider.fail([Fault::Refused; 50]);
        assert_eq!(sweep().await.unknown, 50);
        assert_eq!(sweep().await.ended, 1, "the one behind them");
        assert_eq!(sweep().await, Swept::default());
        till.audit().await;
    })
    .await;
}
