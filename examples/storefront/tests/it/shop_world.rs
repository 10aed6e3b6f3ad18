//! Cells of both databases with shops in them, for the tests of the shop.

use std::{num::NonZeroU16, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
};
use http::{HeaderMap, Request, StatusCode, header::ACCEPT};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use storefront::{
    import::{Collection, Image, Policy, Product, Status, Stored, Variant},
    money::{Currency, Money},
    shop::{
        self, Cell, Shop,
        checkout::Checkout,
        payment::{AnyPaymentGateway, TestGateway},
        schema,
        store::{self, Upserted},
    },
};
use tempfile::TempDir;
use tenancy_core::{
    Admitted, Grant, Principal, ReadOnly, ReadWrite, Resolved, Source, TenantContext, admit,
    db::{CellDb, CellOptions, SqliteCell},
    isolation::{IsolationMode, testing},
    protocol::FenceEvent,
};
use tenancy_testkit::Postgres;
use tenancy_types::{CellId, Epoch, Lifecycle, ManualClock, Placement, TenantId, WorkBudget};
use tower::ServiceExt as _;

/// A cell with tenants 1 and 2, whose shops are called *Shop 1* and *Shop 2* and sell in euros.
pub(crate) struct World {
    pub(crate) cell: Cell,
    pub(crate) checkout: Checkout,
    pub(crate) db: CellDb,
    pub(crate) clock: ManualClock,
    folder: Option<TempDir>,
    /// The Postgres database as its administrator, whom row security does not bind.
    admin: Option<String>,
    _payments: TempDir,
}

/// Runs the same check on a cell of each database.
pub(crate) async fn on_both(check: impl AsyncFn(&World)) {
    check(&World::sqlite().await).await;
    check(&World::postgres().await).await;
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cell.db");
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        for statement in statements() {
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
        let cell = SqliteCell::open(path, &schema::manifest(), options_of_cell())
            .await
            .unwrap();
        Self::over(CellDb::Sqlite(cell), Some(folder), None).await
    }

    pub(crate) async fn postgres() -> Self {
        let url = Postgres::shared().database().unwrap().url();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        for statement in statements() {
            sqlx::query(statement)
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
        let cell = testing::cell(
            &url.parse().unwrap(),
            &schema::manifest(),
            IsolationMode::Sealed,
            options_of_cell(),
        )
        .await
        .unwrap();
        Self::over(CellDb::Postgres(cell), None, Some(url)).await
    }

    /// On Postgres: a connection that sees the rows of all shops.
    pub(crate) async fn past_the_door(&self) -> PgConnection {
        let url = self.admin.as_deref().expect("a cell in Postgres");
        PgConnection::connect(url).await.unwrap()
    }

    async fn over(db: CellDb, folder: Option<TempDir>, admin: Option<String>) -> Self {
        let clock = ManualClock::default();
        let cell = Cell::new(CellId::new(1).unwrap(), db.clone(), Arc::new(clock.clone()));
        let payments = tempfile::tempdir().unwrap();
        let provider = TestGateway::open(&payments.path().join("payments.db"))
            .await
            .unwrap();
        let world = Self {
            checkout: Checkout::new(cell.clone(), AnyPaymentGateway::new(provider)),
            cell,
            db,
            clock,
            folder,
            admin,
            _payments: payments,
        };
        for id in [1, 2] {
            let event = FenceEvent::Create {
                lifecycle: Lifecycle::Active,
                epoch: Epoch::FIRST,
            };
            world
                .db
                .change_fence(tenant(id), None, event)
                .await
                .unwrap();
            let shop = Shop {
                name: format!("Shop {id}"),
                currency: eur(),
            };
            let mut tx = world.db.begin(&writer(id));
            store::set_up_shop(&mut tx, world.cell.ids(), tenant(id), &shop)
                .await
                .unwrap();
            tx.commit().await.unwrap();
        }
        world
    }

    /// The file of a SQLite cell, for those who go behind its back.
    pub(crate) async fn behind_its_back(&self) -> SqliteConnection {
        let folder = self.folder.as_ref().expect("a SQLite cell");
        SqliteConnectOptions::new()
            .filename(folder.path().join("cell.db"))
            .connect()
            .await
            .unwrap()
    }

    /// Puts a product into a shop.
    pub(crate) async fn put(&self, id: u32, product: &Product) -> Stored {
        self.upsert(id, product).await.stored
    }

    /// The same, with everything that came of it.
    pub(crate) async fn upsert(&self, id: u32, product: &Product) -> Upserted {
        let mut tx = self.db.begin(&writer(id));
        let upserted = store::upsert_product(&mut tx, self.cell.ids(), tenant(id), product)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        upserted
    }

    /// Asks a shop for an address, as a program does.
    pub(crate) async fn get(&self, id: u32, path: &str) -> Answer {
        self.ask(id, request(path)).await
    }

    /// Asks a shop for an address, as a browser does.
    pub(crate) async fn browse(&self, id: u32, path: &str) -> Answer {
        let mut request = request(path);
        let accept = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
        request
            .headers_mut()
            .insert(ACCEPT, accept.parse().unwrap());
        self.ask(id, request).await
    }

    pub(crate) async fn ask(&self, id: u32, mut request: Request<Body>) -> Answer {
        request.extensions_mut().get_or_insert(admitted(id));
        let router: Router = shop::router(self.cell.clone(), self.checkout.clone());
        let response = router.oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        }
    }
}

pub(crate) fn request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

/// What a shop answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }

    /// The handles of a list of products.
    #[track_caller]
    pub(crate) fn handles(&self) -> Vec<String> {
        let json = self.json();
        let products = json["products"].as_array().unwrap();
        products
            .iter()
            .map(|product| product["handle"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A plain product: one variant at 12.50, in stock.
pub(crate) fn product(handle: &str, title: &str) -> Product {
    Product {
        handle: handle.into(),
        title: title.into(),
        body_html: String::new(),
        vendor: String::new(),
        product_type: String::new(),
        category: String::new(),
        tags: Vec::new(),
        collections: Vec::new(),
        published: true,
        status: Status::Active,
        seo_title: String::new(),
        seo_description: String::new(),
        options: Vec::new(),
        variants: vec![variant(&[], 1_250)],
        images: Vec::new(),
    }
}

pub(crate) fn variant(options: &[&str], price: i64) -> Variant {
    Variant {
        options: options.iter().map(|value| (*value).to_owned()).collect(),
        sku: "SKU".into(),
        price: Money::new(price, eur()),
        compare_at: None,
        grams: 0,
        barcode: String::new(),
        quantity: None,
        policy: Policy::Deny,
        image: None,
    }
}

pub(crate) fn image(src: &str) -> Image {
    Image {
        src: src.into(),
        alt: String::new(),
    }
}

pub(crate) fn collection(handle: &str, title: &str) -> Collection {
    Collection {
        handle: handle.into(),
        title: title.into(),
    }
}

pub(crate) fn eur() -> Currency {
    Currency::from_code("EUR").unwrap()
}

pub(crate) fn tenant(id: u32) -> TenantId {
    TenantId::new(id).unwrap()
}

pub(crate) fn admitted(id: u32) -> Admitted {
    admitted_in(id, Lifecycle::Active)
}

/// A visitor who was let into a shop that is at this point of its life.
pub(crate) fn admitted_in(id: u32, lifecycle: Lifecycle) -> Admitted {
    let resolved = Resolved {
        tenant: tenant(id),
        placement: Placement::new(CellId::new(1).unwrap(), lifecycle, Epoch::FIRST),
        source: Source::Internal,
    };
    let budget = WorkBudget::new(NonZeroU16::new(4).unwrap(), Duration::from_secs(8));
    admit(resolved, Principal::visitor(), Grant::ReadWrite, budget).unwrap()
}

pub(crate) fn reader(id: u32) -> TenantContext<ReadOnly> {
    admitted(id).read_only()
}

pub(crate) fn writer(id: u32) -> TenantContext<ReadWrite> {
    admitted(id).read_write().unwrap()
}

fn options_of_cell() -> CellOptions {
    CellOptions::new(NonZeroU16::new(4).unwrap())
}

fn statements() -> impl Iterator<Item = &'static str> {
    schema::VERSIONS
        .iter()
        .flat_map(|version| version.statements)
        .copied()
}
