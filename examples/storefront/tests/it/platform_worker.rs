//! The platform's own work: what nobody paid for is called off, what was promised is paid back, and a shop or a
//! provider that is not to be had keeps nobody else waiting.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicU32, Ordering},
    },
    time::Duration,
};

use storefront::{
    config::{CellsSpec, Config, Demo},
    import::WholeProduct,
    money::{Currency, Money},
    platform::{Platform, ShopChange, ShopRequest, ShopStart, Worker},
    postgres::CellFiles,
    shop::{
        cart,
        checkout::{CheckoutError, CheckoutKey, CheckoutRequest, RefundRequest, Restock},
        inventory::{self, Stock},
        order::{self, OrderState},
        payment::{
            AnyPaymentGateway, Charge, PaymentGateway, PaymentKey, PaymentToken, PaymentUnknown,
            Refund, RefundKey, Voided,
        },
        products,
    },
};
use tenancy_core::{ReadWrite, TenantContext};
use tenancy_types::{
    CellId, Clock, Lifecycle, PlanSet, Problem, SystemClock, TenantId, UnixMicros,
};
use tokio::sync::Notify;

use crate::e2e::platform::{Folder, Kind, each_kind};

each_kind!(
    an_order_that_nobody_paid_is_called_off_when_its_time_is_over,
    a_shop_that_is_suspended_is_not_entered_and_its_work_waits,
    a_shop_that_is_suspended_has_settled_what_was_open,
    a_shop_that_leaves_has_settled_what_was_open,
    a_provider_that_is_away_keeps_no_shop_from_leaving,
    a_purge_waits_until_the_provider_says_what_became_of_a_charge,
    a_shop_that_left_anew_while_others_were_purged_keeps_its_time,
    a_provider_that_hangs_for_one_shop_keeps_no_other_waiting,
    a_refund_that_the_provider_did_not_confirm_is_asked_for_again,
    a_cart_is_thrown_away_after_a_month_and_not_before,
);

/// A provider that can be told how to be.
#[derive(Clone, Default)]
pub(crate) struct Moody {
    mood: Arc<AtomicU8>,
    /// What it has taken money for.
    charged: Arc<Mutex<HashSet<String>>>,
    /// What it has said of payments that were to be voided.
    voided: Arc<Mutex<Vec<Voided>>>,
    /// How often it was asked, and did as it was in the mood for.
    asked: Arc<AtomicU32>,
    /// Somebody waits for it while it hangs.
    waiting: Arc<Notify>,
    /// Lets one that waits go on.
    let_go: Arc<Notify>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mood {
    /// Never answers the first shop; answers the others.
    Hangs,
    /// Says that something is wrong.
    Fails,
    /// Does as it is told.
    Well,
    /// Takes the money, and its answer is lost.
    Forgets,
}

impl Moody {
    pub(crate) fn be(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::SeqCst);
    }

    pub(crate) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    async fn answer<T>(&self, key: &str, answer: T) -> Result<T, PaymentUnknown> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.mood.load(Ordering::SeqCst) {
            0 if key.starts_with("order-1-") => {
                self.waiting.notify_one();
                self.let_go.notified().await;
                Ok(answer)
            }
            1 => Err(PaymentUnknown::new("it is in a mood")),
            _ => Ok(answer),
        }
    }

    fn is(&self, mood: Mood) -> bool {
        self.mood.load(Ordering::SeqCst) == mood as u8
    }
}

impl PaymentGateway for Moody {
    async fn charge(
        &self,
        key: &PaymentKey,
        _: Money,
        _: &PaymentToken,
    ) -> Result<Charge, PaymentUnknown> {
        if self.is(Mood::Forgets) {
            self.charged.lock().unwrap().insert(key.as_str().to_owned());
            return Err(PaymentUnknown::new("the answer is lost"));
        }
        self.answer(key.as_str(), Charge::Charged).await
    }

    async fn void(&self, key: &PaymentKey) -> Result<Voided, PaymentUnknown> {
        let was_charged = self.charged.lock().unwrap().contains(key.as_str());
        let answer = if was_charged {
            Voided::Charged
        } else {
            Voided::Never
        };
        let answer = self.answer(key.as_str(), answer).await?;
        self.voided.lock().unwrap().push(answer);
        Ok(answer)
    }

    async fn refund(
        &self,
        key: &PaymentKey,
        _: &RefundKey,
        _: Money,
    ) -> Result<Refund, PaymentUnknown> {
        self.answer(key.as_str(), Refund::Refunded).await
    }
}

/// A platform whose shops are paid through a moody provider.
pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) worker: Worker,
    pub(crate) provider: Moody,
    pub(crate) folder: Folder,
}

const LAMPS: i64 = 5;

/// Settings of a platform in this folder: two cells in files, or the one in Postgres that was made for it.
pub(crate) fn config(folder: &Folder) -> Config {
    let file = CellFiles::of(folder.path()).path(CellId::new(1).unwrap());
    let cells = if file.exists() {
        let cell = CellFiles::read(&file).unwrap();
        CellsSpec::default().with(cell).unwrap()
    } else {
        "2".parse().unwrap()
    };
    Config {
        front: storefront::front::Front::default(),
        listen: "127.0.0.1:0".parse().unwrap(),
        ops_listen: "127.0.0.1:0".parse().unwrap(),
        data: folder.path().to_owned(),
        cells,
        platform_domain: tenancy_types::DomainName::from_normalised("localhost").unwrap(),
        plans: PlanSet::standard(),
        demo: Demo::Never,
        grace: Duration::from_secs(0),
        rest: Duration::from_secs(1),
        payment_limit: Duration::from_millis(100),
    }
}

/// An empty shop to be made.
pub(crate) fn request(slug: &str) -> ShopRequest {
    ShopRequest {
        slug: slug.parse().unwrap(),
        plan: "basic".parse().unwrap(),
        domains: Vec::new(),
        region: None,
        cell: None,
        start: ShopStart::Empty(Currency::from_code("EUR").unwrap()),
    }
}

impl World {
    pub(crate) async fn new(kind: Kind) -> Self {
        Self::patient(kind, Duration::from_millis(100)).await
    }

    /// One whose provider has so long for an answer.
    async fn patient(kind: Kind, payment_limit: Duration) -> Self {
        let folder = Folder::of(kind).await;
        let config = Config {
            payment_limit,
            ..config(&folder)
        };
        let provider = Moody::default();
        provider.be(Mood::Fails);
        let gateway = AnyPaymentGateway::new(provider.clone());
        let platform = Platform::open_paid_by(config, gateway).await.unwrap();
        Self {
            worker: Worker::new(platform.clone()),
            platform,
            provider,
            folder,
        }
    }

    /// A shop that has five lamps, and their variant.
    pub(crate) async fn shop(&self, slug: &str) -> (TenantId, i64) {
        let request = request(slug);
        let tenant = self.platform.provision(slug, &request).await.unwrap().id;
        let product = r#"{"title": "Lamp", "variants": [{"price_minor": 1200, "quantity": 5}]}"#;
        let product: WholeProduct = serde_json::from_str(product).unwrap();
        let context = self.enter(tenant);
        let cell = self.platform.site().cell(context.placement().cell).unwrap();
        products::put(cell, &context, "lamp", product)
            .await
            .unwrap();
        let stock = cell
            .scope(&context, async |tx| {
                inventory::stock_list(tx, inventory::StockFilter::All, 0, 10).await
            })
            .await
            .unwrap();
        (tenant, stock[0].variant)
    }

    fn enter(&self, tenant: TenantId) -> TenantContext<ReadWrite> {
        let admitted = self.platform.site().enter(tenant, "test").unwrap();
        admitted.read_write().unwrap()
    }

    /// Begins to buy two lamps: the provider is asked, and what it says is the result.
    pub(crate) async fn buy(&self, tenant: TenantId, variant: i64) -> Result<(), CheckoutError> {
        let context = self.enter(tenant);
        let request = CheckoutRequest::new([(variant, 2)], "ada@buyer.example", "test").unwrap();
        let key = CheckoutKey::new("key").unwrap();
        let checkout = self
            .platform
            .site()
            .checkout(context.placement().cell)
            .unwrap();
        checkout.place(&context, &key, &request).await.map(drop)
    }

    async fn stock(&self, tenant: TenantId, variant: i64) -> Stock {
        let context = self
            .platform
            .site()
            .enter(tenant, "test")
            .unwrap()
            .read_only();
        let cell = self.platform.site().cell(context.placement().cell).unwrap();
        let read = cell.scope(&context, async |tx| inventory::stock(tx, variant).await);
        let stock = read.await.unwrap().unwrap();
        assert!(stock.is_conserved() && stock.received == LAMPS, "{stock:?}");
        stock
    }

    async fn state(&self, tenant: TenantId) -> OrderState {
        let context = self
            .platform
            .site()
            .enter(tenant, "test")
            .unwrap()
            .read_only();
        let cell = self.platform.site().cell(context.placement().cell).unwrap();
        let read = cell.scope(&context, async |tx| {
            order::orders(tx, None, i64::MAX, 10).await
        });
        let orders = read.await.unwrap();
        assert_eq!(orders.len(), 1);
        orders[0].state
    }

    pub(crate) async fn lifecycle(&self, tenant: TenantId) -> Lifecycle {
        let tenant = self.platform.tenant(tenant).await.unwrap();
        tenant.placement.lifecycle
    }

    pub(crate) async fn change(&self, tenant: TenantId, lifecycle: Lifecycle) {
        let change = ShopChange {
            lifecycle: Some(lifecycle),
            ..ShopChange::default()
        };
        self.platform.change(tenant, change).await.unwrap();
    }
}

pub(crate) fn after(duration: Duration) -> UnixMicros {
    let micros = i64::try_from(duration.as_micros()).unwrap();
    UnixMicros::new(SystemClock.unix().get() + micros)
}

const SOON: Duration = Duration::from_mins(1);
const LATE: Duration = Duration::from_hours(1);

async fn an_order_that_nobody_paid_is_called_off_when_its_time_is_over(kind: Kind) {
    let world = World::new(kind).await;
    let (shop, lamp) = world.shop("acme").await;
    let unknown = world.buy(shop, lamp).await.unwrap_err();
    assert!(
        matches!(unknown, CheckoutError::PaymentUnknown(_)),
        "{unknown}"
    );
    world.provider.be(Mood::Well);
    world.worker.round(after(SOON)).await;
    assert_eq!(
        world.state(shop).await,
        OrderState::Pending,
        "its time is not over"
    );
    assert_eq!(world.stock(shop, lamp).await.reserved, 2);
    world.worker.round(after(LATE)).await;
    assert_eq!(world.state(shop).await, OrderState::Expired);
    assert_eq!(world.stock(shop, lamp).await.on_hand, LAMPS);
}

async fn a_shop_that_is_suspended_is_not_entered_and_its_work_waits(kind: Kind) {
    let world = World::new(kind).await;
    let (shop, lamp) = world.shop("acme").await;
    world.buy(shop, lamp).await.unwrap_err();
    world.change(shop, Lifecycle::Suspended).await;
    world.provider.be(Mood::Well);
    world.worker.round(after(LATE)).await;
    assert_eq!(world.state(shop).await, OrderState::Pending);
    world.change(shop, Lifecycle::Active).await;
    world.worker.round(after(LATE)).await;
    assert_eq!(world.state(shop).await, OrderState::Expired);
}

/// What becomes of an order whose answer was lost when its shop is closed, by what the provider says then.
async fn settled_by_closing(
    kind: Kind,
    charge: Mood,
    close: impl AsyncFn(&World, TenantId),
    expect: OrderState,
) {
    let world = World::new(kind).await;
    let (shop, lamp) = world.shop("acme").await;
    world.provider.be(charge);
    world.buy(shop, lamp).await.unwrap_err();
    assert_eq!(world.state(shop).await, OrderState::Pending);
    world.provider.be(Mood::Well);
    close(&world, shop).await;
    assert_eq!(world.state(shop).await, expect);
    assert_eq!(world.stock(shop, lamp).await.reserved, 0);
}

async fn a_shop_that_is_suspended_has_settled_what_was_open(kind: Kind) {
    let suspend = async |world: &World, shop| world.change(shop, Lifecycle::Suspended).await;
    settled_by_closing(kind, Mood::Forgets, suspend, OrderState::Paid).await;
    settled_by_closing(kind, Mood::Fails, suspend, OrderState::Expired).await;
}

async fn a_shop_that_leaves_has_settled_what_was_open(kind: Kind) {
    let leave = async |world: &World, shop| {
        world.platform.offboard(shop).await.unwrap();
    };
    settled_by_closing(kind, Mood::Forgets, leave, OrderState::Paid).await;
    settled_by_closing(kind, Mood::Fails, leave, OrderState::Expired).await;
}

async fn a_provider_that_is_away_keeps_no_shop_from_leaving(kind: Kind) {
    let world = World::new(kind).await;
    let (shop, lamp) = world.shop("acme").await;
    world.buy(shop, lamp).await.unwrap_err();
    for mood in [Mood::Fails, Mood::Hangs] {
        world.provider.be(mood);
        let (left, _) = world.platform.offboard(shop).await.unwrap();
        assert_eq!(left.placement.lifecycle, Lifecycle::Offboarding);
        assert_eq!(world.state(shop).await, OrderState::Pending);
        world.platform.undo_offboarding(shop).await.unwrap();
        world.change(shop, Lifecycle::Active).await;
    }
}

async fn a_purge_waits_until_the_provider_says_what_became_of_a_charge(kind: Kind) {
    let world = World::new(kind).await;
    let (shop, lamp) = world.shop("acme").await;
    world.provider.be(Mood::Forgets);
    world.buy(shop, lamp).await.unwrap_err();
    for mood in [Mood::Fails, Mood::Hangs] {
        world.provider.be(mood);
        if mood == Mood::Fails {
            world.platform.offboard(shop).await.unwrap();
        }
        let unfinished = world.platform.purge(shop).await.unwrap_err();
        assert_eq!(unfinished.code().as_str(), "purge_unfinished");
        assert_eq!(world.lifecycle(shop).await, Lifecycle::Purging);
        world.worker.round(after(SOON)).await;
        assert_eq!(world.lifecycle(shop).await, Lifecycle::Purging);
        assert!(world.provider.voided.lock().unwrap().is_empty());
    }
    world.provider.be(Mood::Well);
    world.worker.round(after(LATE)).await;
    assert_eq!(world.lifecycle(shop).await, Lifecycle::Gone);
    assert_eq!(
        *world.provider.voided.lock().unwrap(),
        [Voided::Charged],
        "it was asked, once, while the order was there"
    );
    let receipt = world.platform.purge(shop).await.unwrap();
    let orders = receipt
        .rows
        .iter()
        .find(|(table, _)| *table == "shop_order");
    assert_eq!(orders.map(|(_, rows)| rows), Some(1));
}

async fn a_shop_that_left_anew_while_others_were_purged_keeps_its_time(kind: Kind) {
    let world = World::patient(kind, Duration::from_secs(10)).await;
    let (first, lamp) = world.shop("first").await;
    let (second, _) = world.shop("second").await;
    world.buy(first, lamp).await.unwrap_err();
    world.platform.offboard(first).await.unwrap();
    world.platform.offboard(second).await.unwrap();
    world.provider.be(Mood::Hangs);
    let (worker, now) = (world.worker.clone(), SystemClock.unix());
    let round = tokio::spawn(async move { worker.round(now).await });
    world.provider.waiting.notified().await;
    world.platform.undo_offboarding(second).await.unwrap();
    let (_, purge_after) = world.platform.offboard(second).await.unwrap();
    assert!(purge_after > now, "both were due when the round began");
    world.provider.let_go.notify_one();
    round.await.unwrap();
    assert_eq!(world.lifecycle(first).await, Lifecycle::Gone);
    assert_eq!(world.lifecycle(second).await, Lifecycle::Offboarding);
    world.worker.round(SystemClock.unix()).await;
    assert_eq!(world.lifecycle(second).await, Lifecycle::Gone);
}

async fn a_provider_that_hangs_for_one_shop_keeps_no_other_waiting(kind: Kind) {
    let world = World::new(kind).await;
    let (first, lamp) = world.shop("first").await;
    let (second, other_lamp) = world.shop("second").await;
    assert_eq!(first.get(), 1);
    world.buy(first, lamp).await.unwrap_err();
    world.buy(second, other_lamp).await.unwrap_err();
    world.provider.be(Mood::Hangs);
    world.worker.round(after(LATE)).await;
    assert_eq!(
        world.state(first).await,
        OrderState::Pending,
        "what is not known is not failed"
    );
    assert_eq!(world.state(second).await, OrderState::Expired);
    world.provider.be(Mood::Well);
    world.worker.round(after(2 * LATE)).await;
    assert_eq!(world.state(first).await, OrderState::Expired);
    assert_eq!(world.stock(first, lamp).await.on_hand, LAMPS);
}

async fn a_refund_that_the_provider_did_not_confirm_is_asked_for_again(kind: Kind) {
    let world = World::new(kind).await;
    let (shop, lamp) = world.shop("acme").await;
    world.provider.be(Mood::Well);
    world.buy(shop, lamp).await.unwrap();
    let context = world.enter(shop);
    let (cell, checkout) = {
        let cell = context.placement().cell;
        (
            world.platform.site().cell(cell).unwrap(),
            world.platform.site().checkout(cell).unwrap(),
        )
    };
    let orders = cell
        .scope(&context, async |tx| {
            order::orders(tx, None, i64::MAX, 1).await
        })
        .await
        .unwrap();
    let request = RefundRequest {
        order: orders[0].id,
        key: CheckoutKey::new("refund").unwrap(),
        amount: None,
        reason: String::new(),
        restock: Restock::default(),
    };
    world.provider.be(Mood::Fails);
    checkout.refund(&context, &request).await.unwrap_err();
    assert_eq!(world.state(shop).await, OrderState::Paid);
    world.worker.round(after(SOON)).await;
    assert_eq!(
        world.state(shop).await,
        OrderState::Paid,
        "it is still in a mood"
    );
    world.provider.be(Mood::Well);
    world.worker.round(after(LATE)).await;
    assert_eq!(world.state(shop).await, OrderState::Refunded);
    assert_eq!(world.stock(shop, lamp).await.on_hand, LAMPS);
}

async fn a_cart_is_thrown_away_after_a_month_and_not_before(kind: Kind) {
    let world = World::new(kind).await;
    let (shop, lamp) = world.shop("acme").await;
    let context = world.enter(shop);
    let cell = world
        .platform
        .site()
        .cell(context.placement().cell)
        .unwrap();
    let edit = cart::Edit {
        variant: lamp,
        change: cart::Change::Add(1),
    };
    let now = SystemClock.unix();
    cell.scope(&context, async |tx| cart::change(tx, now, None, edit).await)
        .await
        .unwrap();
    let carts = async || {
        let count = async |tx: &mut tenancy_core::db::CellTx<ReadWrite>| {
            let tenant = tx.tenant().as_i64();
            let statement = tx.sql("select count(*) from cart where tenant_id = $1");
            let rows: Vec<(i64,)> = statement.bind(tenant).all().await?;
            Ok(rows[0].0)
        };
        cell.scope(&context, count).await.unwrap()
    };
    world
        .worker
        .round(after(Duration::from_hours(29 * 24)))
        .await;
    assert_eq!(carts().await, 1);
    world
        .worker
        .round(after(Duration::from_hours(31 * 24)))
        .await;
    assert_eq!(carts().await, 0);
}
