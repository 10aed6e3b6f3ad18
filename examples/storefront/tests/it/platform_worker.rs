//! The platform's own work: what nobody paid for is called off, what was promised is paid back, and a shop or a
//! provider that is not to be had keeps nobody else waiting.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use storefront::{
    config::{Config, Demo},
    import::WholeProduct,
    money::{Currency, Money},
    platform::{Platform, ShopChange, ShopRequest, ShopStart, Worker},
    shop::{
        cart,
        checkout::{CheckoutError, CheckoutKey, CheckoutRequest, RefundRequest},
        inventory::{self, Stock},
        order::{self, OrderState},
        payment::{
            AnyPaymentGateway, Charge, PaymentGateway, PaymentKey, PaymentToken, PaymentUnknown,
            Refund, RefundKey, Voided,
        },
        products,
    },
};
use tempfile::TempDir;
use tenancy_core::{ReadWrite, TenantContext};
use tenancy_types::{Clock, Lifecycle, PlanSet, SystemClock, TenantId, UnixMicros};

/// A provider that can be told how to be.
#[derive(Clone, Default)]
struct Moody(Arc<AtomicU8>);

#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Mood {
    /// Never answers the first shop; answers the others.
    Hangs,
    /// Says that something is wrong.
    Fails,
    /// Does as it is told.
    Well,
}

impl Moody {
    fn be(&self, mood: Mood) {
        self.0.store(mood as u8, Ordering::SeqCst);
    }

    async fn answer<T>(&self, key: &str, answer: T) -> Result<T, PaymentUnknown> {
        match self.0.load(Ordering::SeqCst) {
            0 if key.starts_with("order-1-") => std::future::pending().await,
            1 => Err(PaymentUnknown::new("it is in a mood")),
            _ => Ok(answer),
        }
    }
}

impl PaymentGateway for Moody {
    async fn charge(
        &self,
        key: &PaymentKey,
        _: Money,
        _: &PaymentToken,
    ) -> Result<Charge, PaymentUnknown> {
        self.answer(key.as_str(), Charge::Charged).await
    }

    async fn void(&self, key: &PaymentKey) -> Result<Voided, PaymentUnknown> {
        self.answer(key.as_str(), Voided::Never).await
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

struct World {
    platform: Platform,
    worker: Worker,
    provider: Moody,
    _folder: TempDir,
}

const LAMPS: i64 = 5;

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            ops_listen: "127.0.0.1:0".parse().unwrap(),
            data: folder.path().to_owned(),
            cells: "2".parse().unwrap(),
            platform_domain: tenancy_types::DomainName::from_normalised("localhost").unwrap(),
            plans: PlanSet::standard(),
            demo: Demo::Never,
            grace: Duration::from_secs(0),
            rest: Duration::from_secs(1),
            payment_limit: Duration::from_millis(100),
        };
        let provider = Moody::default();
        provider.be(Mood::Fails);
        let gateway = AnyPaymentGateway::new(provider.clone());
        let platform = Platform::open_paid_by(config, gateway).await.unwrap();
        Self {
            worker: Worker::new(platform.clone()),
            platform,
            provider,
            _folder: folder,
        }
    }

    /// A shop that has five lamps, and their variant.
    async fn shop(&self, slug: &str) -> (TenantId, i64) {
        let request = ShopRequest {
            slug: slug.parse().unwrap(),
            plan: "basic".parse().unwrap(),
            domains: Vec::new(),
            region: None,
            cell: None,
            start: ShopStart::Empty(Currency::from_code("EUR").unwrap()),
        };
        let tenant = self.platform.provision(slug, &request).await.unwrap().id;
        let product = r#"{"title": "Lamp", "variants": [{"price_minor": 1200, "quantity": 5}]}"#;
        let product: WholeProduct = serde_json::from_str(product).unwrap();
        let context = self.enter(tenant);
        let cell = self.platform.cell(context.placement().cell).unwrap();
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
        let admitted = self.platform.enter(tenant, "test").unwrap();
        admitted.read_write().unwrap()
    }

    /// Begins to buy two lamps: the provider is asked, and what it says is the result.
    async fn buy(&self, tenant: TenantId, variant: i64) -> Result<(), CheckoutError> {
        let context = self.enter(tenant);
        let request = CheckoutRequest::new([(variant, 2)], "ada@buyer.example", "test").unwrap();
        let key = CheckoutKey::new("key").unwrap();
        let checkout = self.platform.checkout(context.placement().cell).unwrap();
        checkout.place(&context, &key, &request).await.map(drop)
    }

    async fn stock(&self, tenant: TenantId, variant: i64) -> Stock {
        let context = self.platform.enter(tenant, "test").unwrap().read_only();
        let cell = self.platform.cell(context.placement().cell).unwrap();
        let read = cell.scope(&context, async |tx| inventory::stock(tx, variant).await);
        let stock = read.await.unwrap().unwrap();
        assert!(stock.is_conserved() && stock.received == LAMPS, "{stock:?}");
        stock
    }

    async fn state(&self, tenant: TenantId) -> OrderState {
        let context = self.platform.enter(tenant, "test").unwrap().read_only();
        let cell = self.platform.cell(context.placement().cell).unwrap();
        let read = cell.scope(&context, async |tx| {
            order::orders(tx, None, i64::MAX, 10).await
        });
        let orders = read.await.unwrap();
        assert_eq!(orders.len(), 1);
        orders[0].state
    }

    async fn change(&self, tenant: TenantId, lifecycle: Lifecycle) {
        let change = ShopChange {
            lifecycle: Some(lifecycle),
            ..ShopChange::default()
        };
        self.platform.change(tenant, change).await.unwrap();
    }
}

fn after(duration: Duration) -> UnixMicros {
    let micros = i64::try_from(duration.as_micros()).unwrap();
    UnixMicros::new(SystemClock.unix().get() + micros)
}

const SOON: Duration = Duration::from_mins(1);
const LATE: Duration = Duration::from_hours(1);

#[tokio::test]
async fn an_order_that_nobody_paid_is_called_off_when_its_time_is_over() {
    let world = World::new().await;
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

#[tokio::test]
async fn a_shop_that_is_suspended_is_not_entered_and_its_work_waits() {
    let world = World::new().await;
    let (shop, lamp) = world.shop("acme").await;
    world.buy(shop, lamp).await.unwrap_err();
    world.provider.be(Mood::Well);
    world.change(shop, Lifecycle::Suspended).await;
    world.worker.round(after(LATE)).await;
    assert_eq!(world.state(shop).await, OrderState::Pending);
    world.change(shop, Lifecycle::Active).await;
    world.worker.round(after(LATE)).await;
    assert_eq!(world.state(shop).await, OrderState::Expired);
}

#[tokio::test]
async fn a_provider_that_hangs_for_one_shop_keeps_no_other_waiting() {
    let world = World::new().await;
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

#[tokio::test]
async fn a_refund_that_the_provider_did_not_confirm_is_asked_for_again() {
    let world = World::new().await;
    let (shop, lamp) = world.shop("acme").await;
    world.provider.be(Mood::Well);
    world.buy(shop, lamp).await.unwrap();
    let context = world.enter(shop);
    let (cell, checkout) = {
        let cell = context.placement().cell;
        (
            world.platform.cell(cell).unwrap(),
            world.platform.checkout(cell).unwrap(),
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

#[tokio::test]
async fn a_cart_is_thrown_away_after_a_month_and_not_before() {
    let world = World::new().await;
    let (shop, lamp) = world.shop("acme").await;
    let context = world.enter(shop);
    let cell = world.platform.cell(context.placement().cell).unwrap();
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
