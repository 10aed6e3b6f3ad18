//! A shop, its buyers and its people do anything in any order, and the provider fails at times; a model that
//! knows nothing of tables says what must come of it.

use std::{collections::BTreeMap, time::Duration};

use proptest::{prelude::*, test_runner::TestRunner};
use storefront::shop::{
    ShopError,
    checkout::{CheckoutError, RefundRequest, Restock},
    inventory::{self, StockChange, StockStep, change_stock},
    order::{self, Order, OrderState},
};
use tenancy_types::{Clock as _, UnixMicros};

use crate::{
    shop_checkout::{
        provider::Fault,
        till::{Till, code, key, paying, polled},
    },
    shop_world::{World, writer},
};

#[derive(Clone, Debug)]
enum Op {
    /// A new checkout.
    Buy {
        quantity: i64,
        pays: bool,
        fault: Option<Fault>,
    },
    /// A new checkout whose client goes away, and which is sent again at once.
    GoAway {
        quantity: i64,
        polls: usize,
    },
    /// The same request as one of those before.
    Again {
        which: usize,
    },
    /// Time passes, and the worker comes.
    Sweep {
        fault: Option<Fault>,
    },
    Fulfil {
        which: usize,
    },
    Cancel {
        which: usize,
        fault: Option<Fault>,
    },
    Refund {
        which: usize,
        amount: Option<i64>,
        fault: Option<Fault>,
    },
    ResumeRefunds,
    Receive {
        quantity: i64,
    },
    Adjust {
        quantity: i64,
    },
    /// The product file, with this quantity.
    Import {
        quantity: u32,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let fault = || {
        let some = prop::sample::select(vec![Fault::Refused, Fault::AnswerLost, Fault::Twice]);
        prop::option::weighted(0.4, some)
    };
    let which = 0_usize..8;
    prop_oneof![
        4 => (1_i64..5, prop::bool::weighted(0.8), fault())
            .prop_map(|(quantity, pays, fault)| Op::Buy { quantity, pays, fault }),
        2 => (1_i64..4, 0_usize..16).prop_map(|(quantity, polls)| Op::GoAway { quantity, polls }),
        2 => which.clone().prop_map(|which| Op::Again { which }),
        2 => fault().prop_map(|fault| Op::Sweep { fault }),
        2 => which.clone().prop_map(|which| Op::Fulfil { which }),
        2 => (which.clone(), fault()).prop_map(|(which, fault)| Op::Cancel { which, fault }),
        3 => (which, prop::option::of(1_i64..3_000), fault())
            .prop_map(|(which, amount, fault)| Op::Refund { which, amount, fault }),
        1 => Just(Op::ResumeRefunds),
        1 => (0_i64..6).prop_map(|quantity| Op::Receive { quantity }),
        1 => (-6_i64..4).prop_map(|quantity| Op::Adjust { quantity }),
        1 => (0_u32..12).prop_map(|quantity| Op::Import { quantity }),
    ]
}

/// What has been promised to the outside.
struct Run<'w> {
    till: Till<'w>,
    mug: i64,
    /// Pieces that ever came in, corrections included.
    received: i64,
    /// The quantity that the product file stated last.
    stated: u32,
    /// Requests: quantity and token.
    asked: Vec<(i64, &'static str)>,
    /// Answers that were acknowledged, for good.
    answers: BTreeMap<usize, String>,
}

impl<'w> Run<'w> {
    async fn new(world: &'w World) -> Self {
        let till = Till::new(world);
        let stated = 8;
        let mug = till.mug(1, Some(stated)).await;
        Self {
            till,
            mug,
            received: stated.into(),
            stated,
            asked: Vec::new(),
            answers: BTreeMap::new(),
        }
    }

    async fn on_hand(&self) -> i64 {
        self.till.places(1, self.mug).await[0]
    }

    async fn order(&self, which: usize) -> Option<Order> {
        let orders = self.till.orders(1).await;
        (!orders.is_empty()).then(|| orders[which % orders.len()].clone())
    }

    /// Sends a request, and holds the shop to every answer that it ever gave.
    async fn send(&mut self, which: usize) {
        let (quantity, token) = self.asked[which];
        let request = paying(&[(self.mug, quantity)], token);
        match self.till.buy(1, &format!("k{which}"), &request).await {
            Ok(answer) => {
                let known = self.answers.entry(which).or_insert_with(|| answer.json());
                assert_eq!(*known, answer.json(), "another answer to request {which}");
            }
            Err(CheckoutError::PaymentUnknown(_)) => {
                assert!(
                    !self.answers.contains_key(&which),
                    "an answer was taken back"
                );
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    async fn buy(&mut self, quantity: i64, pays: bool, fault: Option<Fault>) {
        let on_hand = self.on_hand().await;
        let token = if pays { "test" } else { "test-decline" };
        self.asked.push((quantity, token));
        let which = self.asked.len() - 1;
        self.till
            .provider
            .fail(fault.filter(|_| quantity <= on_hand));
        self.send(which).await;
        let answer = self.answers.get(&which);
        let is = |code: &str| answer.is_some_and(|json| json.contains(code));
        match fault {
            _ if quantity > on_hand => assert!(is("out_of_stock"), "{answer:?}"),
            Some(Fault::Refused | Fault::AnswerLost) => assert_eq!(answer, None),
            _ if pays => assert!(is("order_token"), "{answer:?}"),
            _ => assert!(is("payment_declined"), "{answer:?}"),
        }
    }

    async fn go_away(&mut self, quantity: i64, polls: usize) {
        self.asked.push((quantity, "test"));
        let which = self.asked.len() - 1;
        let request = paying(&[(self.mug, quantity)], "test");
        drop(polled(polls, self.till.buy(1, &format!("k{which}"), &request)).await);
        self.send(which).await;
    }

    async fn sweep(&self, fault: Option<Fault>) {
        let clock = &self.till.world.clock;
        clock.advance(Duration::from_mins(16));
        self.till.provider.fail(fault);
        let swept = self
            .till
            .checkout
            .expire_due(&writer(1), clock.unix())
            .await
            .unwrap();
        if swept.paid + swept.ended + swept.unknown == 0 {
            self.till.provider.heal();
        }
        let unknown = u32::from(matches!(fault, Some(Fault::Refused | Fault::AnswerLost)));
        assert!(swept.unknown <= unknown, "{swept:?}");
    }

    async fn fulfil(&self, which: usize) {
        let Some(before) = self.order(which).await else {
            return;
        };
        let cell = &self.till.world.cell;
        let at = cell.ids().now();
        let done = cell
            .scope(&writer(1), async |tx| {
                order::fulfil(tx, before.id, at).await
            })
            .await;
        match before.state {
            OrderState::Paid if matches!(done, Err(ShopError::RefundPending)) => {
                assert!(before.refunded > 0, "nothing of it is given back");
            }
            OrderState::Paid | OrderState::Fulfilled => {
                assert_eq!(done.unwrap().state, OrderState::Fulfilled);
            }
            _ => assert!(
                matches!(done, Err(ShopError::OrderState { .. })),
                "{done:?}"
            ),
        }
    }

    async fn cancel(&self, which: usize, fault: Option<Fault>) {
        let Some(before) = self.order(which).await else {
            return;
        };
        let was_charged = self
            .till
            .provider
            .charges()
            .contains_key(before.payment_key.as_str());
        self.till
            .provider
            .fail(fault.filter(|_| before.state == OrderState::Pending));
        let done = self.till.checkout.cancel(&writer(1), before.id).await;
        match (before.state, fault) {
            (OrderState::Cancelled, _) => assert_eq!(done.unwrap().state, OrderState::Cancelled),
            (OrderState::Pending, Some(Fault::Refused | Fault::AnswerLost)) => {
                assert!(
                    matches!(done, Err(CheckoutError::PaymentUnknown(_))),
                    "{done:?}"
                );
            }
            (OrderState::Pending, _) if !was_charged => {
                assert_eq!(done.unwrap().state, OrderState::Cancelled);
            }
            _ => assert!(
                matches!(done, Err(CheckoutError::Shop(ShopError::OrderState { .. }))),
                "{done:?}"
            ),
        }
    }

    async fn refund(&self, which: usize, amount: Option<i64>, fault: Option<Fault>, name: usize) {
        let Some(before) = self.order(which).await else {
            return;
        };
        let left = before.totals.total - before.refunded;
        let possible = before.state.is_paid() && (1..=left).contains(&amount.unwrap_or(left));
        self.till.provider.fail(fault.filter(|_| possible));
        let request = RefundRequest {
            order: before.id,
            key: key(&format!("r{name}")),
            amount,
            reason: "test".into(),
            restock: Restock::HandedOver,
        };
        let done = self.till.checkout.refund(&writer(1), &request).await;
        match fault {
            _ if !possible => assert!(
                matches!(
                    done,
                    Err(CheckoutError::Shop(_) | CheckoutError::InvalidRequest { .. })
                ),
                "{done:?}"
            ),
            Some(Fault::Refused | Fault::AnswerLost) => {
                assert!(
                    matches!(done, Err(CheckoutError::PaymentUnknown(_))),
                    "{done:?}"
                );
            }
            _ => assert_eq!(done.unwrap().amount, amount.unwrap_or(left)),
        }
    }

    async fn change(&mut self, step: StockStep, quantity: i64) {
        let on_hand = self.on_hand().await;
        let change = StockChange {
            variant: self.mug,
            step: Some(step),
            note: "test".to_owned(),
            reorder_at: None,
        };
        let done = change_stock(&self.till.world.cell, &writer(1), &change, None).await;
        assert_eq!(done.is_ok(), on_hand + quantity >= 0, "{done:?}");
        if done.is_ok() {
            self.received += quantity;
        }
    }

    async fn import(&mut self, quantity: u32) {
        if quantity != self.stated {
            self.received += i64::from(quantity) - self.on_hand().await;
            self.stated = quantity;
        }
        self.till.mug(1, Some(quantity)).await;
    }

    async fn step(&mut self, number: usize, op: Op) {
        match op {
            Op::Buy {
                quantity,
                pays,
                fault,
            } => self.buy(quantity, pays, fault).await,
            Op::GoAway { quantity, polls } => self.go_away(quantity, polls).await,
            Op::Again { which } => {
                if !self.asked.is_empty() {
                    self.send(which % self.asked.len()).await;
                }
            }
            Op::Sweep { fault } => self.sweep(fault).await,
            Op::Fulfil { which } => self.fulfil(which).await,
            Op::Cancel { which, fault } => self.cancel(which, fault).await,
            Op::Refund {
                which,
                amount,
                fault,
            } => self.refund(which, amount, fault, number).await,
            Op::ResumeRefunds => {
                self.till
                    .checkout
                    .resume_refunds(&writer(1), UnixMicros::new(i64::MAX))
                    .await
                    .unwrap();
            }
            Op::Receive { quantity } => self.change(StockStep::Receive(quantity), quantity).await,
            Op::Adjust { quantity } => self.change(StockStep::Adjust(quantity), quantity).await,
            Op::Import { quantity } => self.import(quantity).await,
        }
        self.check().await;
    }

    async fn check(&self) {
        self.till.audit().await;
        let stock = self.till.stock(1, self.mug).await;
        assert_eq!(
            stock.received, self.received,
            "pieces were lost or made: {stock:?}"
        );
    }

    /// All is well again, time passes, and everything comes to an end.
    async fn heal(&mut self) {
        self.till.provider.heal();
        self.sweep(None).await;
        self.till
            .checkout
            .resume_refunds(&writer(1), UnixMicros::new(i64::MAX))
            .await
            .unwrap();
        for order in self.till.orders(1).await {
            assert_ne!(order.state, OrderState::Pending);
            if order.state.is_paid() {
                assert_eq!(
                    self.till.provider.refunded(&order.payment_key),
                    order.refunded
                );
            }
        }
        for which in 0..self.asked.len() {
            self.send(which).await;
            assert!(self.answers.contains_key(&which));
        }
        self.check().await;
        let cell = &self.till.world.cell;
        let rebuilt = inventory::rebuild(cell, &writer(1)).await;
        assert_eq!(rebuilt.unwrap(), []);
    }
}

#[test]
fn whatever_happens_pieces_and_money_are_conserved() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = ProptestConfig {
        cases: 6,
        max_shrink_iters: 100,
        ..ProptestConfig::with_source_file(file!())
    };
    let ops = prop::collection::vec(op(), 1..25);
    let done = TestRunner::new(config).run(&ops, |ops| {
        runtime.block_on(async {
            let world = World::sqlite().await;
            let mut run = Run::new(&world).await;
            for (number, op) in ops.into_iter().enumerate() {
                run.step(number, op).await;
            }
            run.heal().await;
        });
        Ok(())
    });
    done.unwrap_or_else(|failed| panic!("{failed}"));
}

/// The negative control: the audit notices a piece that is gone and a charge that belongs to nobody.
#[tokio::test]
async fn the_audit_notices_what_is_not_conserved() {
    let world = World::sqlite().await;
    let run = Run::new(&world).await;
    let bought = run
        .till
        .buy(1, "k", &paying(&[(run.mug, 2)], "test"))
        .await
        .unwrap();
    assert_eq!(code(&bought), "placed");
    run.check().await;
    let mut behind = world.behind_its_back().await;
    for (harm, repair) in [
        (
            "update stock set on_hand = on_hand - 1, received = received - 1",
            "update stock set on_hand = on_hand + 1, received = received + 1",
        ),
        (
            "update shop_order set state = 'declined'",
            "update shop_order set state = 'paid'",
        ),
        (
            "update order_line set from_stock = 1",
            "update order_line set from_stock = 2",
        ),
    ] {
        sqlx::query(harm).execute(&mut behind).await.unwrap();
        let audit = std::panic::AssertUnwindSafe(run.check());
        let noticed = futures_util::FutureExt::catch_unwind(audit).await;
        assert!(noticed.is_err(), "{harm} was not noticed");
        sqlx::query(repair).execute(&mut behind).await.unwrap();
    }
    run.check().await;
}
