//! A shop with one product, a checkout and a provider, and the proof that they agree.

use std::{collections::BTreeMap, future::Future, pin::pin, task::Poll, time::Duration};

use storefront::shop::{
    checkout::{Answer, Checkout, CheckoutError, CheckoutKey, CheckoutRequest},
    inventory::{self, Stock},
    order::{self, Order, OrderState},
    payment::AnyPaymentGateway,
};

use super::provider::Provider;
use crate::shop_world::{World, product, reader, writer};

/// What the mug costs.
pub(crate) const PRICE: i64 = 1_250;

pub(crate) struct Till<'w> {
    pub(crate) world: &'w World,
    pub(crate) provider: Provider,
    pub(crate) checkout: Checkout,
}

impl<'w> Till<'w> {
    pub(crate) fn new(world: &'w World) -> Self {
        let provider = Provider::default();
        let gateway = AnyPaymentGateway::new(provider.clone());
        let checkout = Checkout::new(world.cell.clone(), gateway);
        Self {
            world,
            provider,
            // A silent provider must not make the tests slow; all others answer at once.
            checkout: checkout.payment_limit(Duration::from_millis(100)),
        }
    }

    /// Puts a mug into a shop, of which there are so many, and returns its variant.
    pub(crate) async fn mug(&self, shop: u32, quantity: Option<u32>) -> i64 {
        let mut mug = product("mug", "Mug");
        mug.variants[0].quantity = quantity;
        self.world.put(shop, &mug).await;
        self.variant(shop, "mug").await
    }

    /// The first variant of a product.
    pub(crate) async fn variant(&self, shop: u32, handle: &str) -> i64 {
        let shown = self
            .world
            .get(shop, &format!("/api/products/{handle}"))
            .await;
        let id = &shown.json()["variants"][0]["variant_id"];
        id.as_str().unwrap().parse().unwrap()
    }

    pub(crate) async fn buy(
        &self,
        shop: u32,
        name: &str,
        request: &CheckoutRequest,
    ) -> Result<Answer, CheckoutError> {
        self.checkout
            .place(&writer(shop), &key(name), request)
            .await
    }

    pub(crate) async fn stock(&self, shop: u32, variant: i64) -> Stock {
        let mut tx = self.world.db.begin(&reader(shop));
        let stock = inventory::stock(&mut tx, variant).await.unwrap();
        tx.commit().await.unwrap();
        stock.unwrap()
    }

    /// On hand, reserved, allocated, sold.
    pub(crate) async fn places(&self, shop: u32, variant: i64) -> [i64; 4] {
        let stock = self.stock(shop, variant).await;
        [stock.on_hand, stock.reserved, stock.allocated, stock.sold]
    }

    pub(crate) async fn orders(&self, shop: u32) -> Vec<Order> {
        let mut tx = self.world.db.begin(&reader(shop));
        let orders = order::orders(&mut tx, None, i64::MAX, 10_000)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        orders
    }

    /// What the states of all orders of a shop are, by number.
    pub(crate) async fn states(&self, shop: u32) -> Vec<(OrderState, usize)> {
        let orders = self.orders(shop).await;
        let count = |state| orders.iter().filter(|order| order.state == state).count();
        let all = OrderState::ALL.map(|state| (state, count(state)));
        all.into_iter().filter(|(_, count)| *count > 0).collect()
    }

    /// Stock is what its log says and where the orders say, and exactly the paid orders were charged.
    #[track_caller]
    pub(crate) fn audit(&self) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            let mut paid = BTreeMap::new();
            for shop in [1, 2] {
                self.audit_stock(shop).await;
                for order in self.orders(shop).await {
                    let taken = matches!(
                        order.state,
                        OrderState::Paid | OrderState::Fulfilled | OrderState::Refunded
                    );
                    if taken {
                        paid.insert(order.payment_key.as_str().to_owned(), order.totals.total);
                        let back = self.provider.refunded(&order.payment_key);
                        assert!(
                            back <= order.refunded,
                            "{caller}: {back} given back of {order:?}"
                        );
                        assert!(order.refunded <= order.totals.total, "{caller}: {order:?}");
                        if order.state == OrderState::Refunded {
                            assert_eq!(back, order.totals.total, "{caller}: {order:?}");
                        }
                    }
                }
            }
            // A charge whose answer was lost belongs to an order that is still pending.
            let mut charges = self.provider.charges();
            for shop in [1, 2] {
                for order in self.orders(shop).await {
                    if order.state == OrderState::Pending {
                        charges.remove(order.payment_key.as_str());
                    }
                }
            }
            assert_eq!(charges, paid, "{caller}: charges and paid orders");
        }
    }

    async fn audit_stock(&self, shop: u32) {
        let mut tx = self.world.db.begin(&reader(shop));
        let differences = inventory::compare(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(
            differences,
            [],
            "the stock of shop {shop} is not what its log says"
        );
        let mut held: BTreeMap<i64, [i64; 3]> = BTreeMap::new();
        for order in self.orders(shop).await {
            let place = match order.state {
                OrderState::Pending => 0,
                OrderState::Paid => 1,
                OrderState::Fulfilled => 2,
                _ => continue,
            };
            for line in order.lines {
                held.entry(line.variant).or_default()[place] += line.from_stock;
            }
        }
        let mut tx = self.world.db.begin(&reader(shop));
        let all = inventory::stock_list(&mut tx, inventory::StockFilter::All, 0, 10_000)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        for entry in all {
            let stock = entry.stock;
            assert!(stock.is_conserved(), "{stock:?}");
            let expect = held.remove(&entry.variant).unwrap_or_default();
            assert_eq!(
                [stock.reserved, stock.allocated, stock.sold],
                expect,
                "orders of shop {shop} hold other stock of {}",
                entry.variant
            );
        }
    }
}

pub(crate) fn key(name: &str) -> CheckoutKey {
    CheckoutKey::new(name).unwrap()
}

/// A request that will be paid.
pub(crate) fn basket(items: &[(i64, i64)]) -> CheckoutRequest {
    paying(items, "test")
}

pub(crate) fn paying(items: &[(i64, i64)], token: &str) -> CheckoutRequest {
    CheckoutRequest::new(items.iter().copied(), "buyer@example.test", token).unwrap()
}

/// The code of a refusal; `placed` for an order.
pub(crate) fn code(answer: &Answer) -> String {
    match answer.document() {
        storefront::shop::checkout::Document::Placed(_) => "placed".into(),
        storefront::shop::checkout::Document::Refused { error } => error.code.clone(),
    }
}

/// Polls a future at most that often, then drops it.
pub(crate) async fn polled<F: Future>(times: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = times;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}
