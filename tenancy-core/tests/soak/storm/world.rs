//! A cell with a server of its own, behind a line that breaks.

use std::{
    num::{NonZeroU16, NonZeroU32},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tenancy_core::{
    Admitted, Grant, Manifest, Principal, Resolved, Source, Table, admit,
    db::{CellOptions, PostgresCell, Statements},
    isolation::{Isolation, IsolationMode, Roles, SealKey, audit, install, install_key},
    protocol::FenceEvent,
    types::{CellId, Epoch, Lifecycle, Placement, TenantId, WorkBudget},
};
use tenancy_testkit::{Database, PgBouncer, Postgres, Proxy};
use tokio::{task::spawn_blocking, time::Instant};

use super::{Line, Sabotage, Storm, TENANTS, books::Books, ledger::LINES};

const SCHEMA: &str = "create table entry (
    tenant_id bigint not null, batch bigint not null, line bigint not null, body text not null,
    primary key (tenant_id, batch, line));
    create table tally (tenant_id bigint primary key, batches bigint not null)";

/// Each tenant's first batch.
const FIRST: &str = "insert into entry select t, 0, line, 'of ' || t
    from generate_series(1, {tenants}) t, generate_series(1, {lines}) line;
    insert into tally select t, 1 from generate_series(1, {tenants}) t";

pub(super) const CONNECTIONS: u16 = 8;

/// Fewer than the cell has connections, so that they are given from one to another.
pub(super) const POOLED: NonZeroU32 = NonZeroU32::new(3).expect("not 0");

pub(super) struct World {
    pub(super) storm: Storm,
    pub(super) cell: PostgresCell,
    pub(super) proxy: Proxy,
    pub(super) books: Books,
    /// The application's role, past the cell.
    pub(super) app: PgConnectOptions,
    /// As an application would have it that knows no cell.
    pub(super) pool: PgPool,
    database: Database,
    batches: AtomicI64,
    /// The tenant that has trouble.
    troubled: AtomicU32,
    begun: Instant,
    _pooler: Option<PgBouncer>,
    /// Dropped last.
    server: Arc<Mutex<Postgres>>,
}

impl World {
    pub(super) async fn new(storm: Storm) -> Self {
        let server = Postgres::start().unwrap();
        let database = server.database().unwrap();
        database.run(SCHEMA).unwrap();
        let pooler = match storm.line {
            Line::Direct => None,
            Line::Pooled => Some(PgBouncer::start(&server, POOLED).unwrap()),
        };
        let entrance = pooler.as_ref().map(|pooler| pooler.database(&database));
        let entrance = entrance.as_ref().unwrap_or(&database);
        let proxy = Proxy::start(entrance.address().clone()).unwrap();
        let entry = Table::tenant("entry", ["batch", "line"]);
        let manifest = Manifest::new([entry, Table::tenant("tally", [])]).unwrap();
        let roles = Roles::named(database.name()).unwrap();
        let isolation = Isolation::new(&manifest, roles, storm.mode);
        let app: PgConnectOptions = proxy
            .database(entrance)
            .url_as(&isolation.roles().app())
            .parse()
            .unwrap();
        // PgBouncer 1.18 does not carry prepared statements from one of its connections to the next.
        let (app, statements) = match storm.line {
            Line::Direct => (app, Statements::Named),
            Line::Pooled => (app.statement_cache_capacity(0), Statements::Unnamed),
        };
        let cell = open(&database, &isolation, app.clone(), statements).await;
        if storm.sabotage == Some(Sabotage::NoRowSecurity) {
            database
                .run("alter table entry disable row level security")
                .unwrap();
        }
        let first = FIRST
            .replace("{tenants}", &TENANTS.to_string())
            .replace("{lines}", &LINES.to_string());
        database.run(&first).unwrap();
        let books = Books::new();
        for tenant in 1..=TENANTS {
            books.of(tenant).acknowledged.insert(0);
        }
        Self {
            storm,
            cell,
            proxy,
            books,
            pool: PgPoolOptions::new()
                .max_connections(CONNECTIONS.into())
                .acquire_timeout(Duration::from_secs(2))
                .connect_lazy_with(app.clone()),
            app,
            database,
            batches: AtomicI64::new(1),
            troubled: AtomicU32::new(1),
            begun: Instant::now(),
            _pooler: pooler,
            server: Arc::new(Mutex::new(server)),
        }
    }

    /// Until its time is over and it has done enough to prove something; with a guard missing, until that
    /// shows. At the latest when nobody waits any longer.
    pub(super) fn is_stormy(&self) -> bool {
        let Storm {
            lasts, patience, ..
        } = self.storm;
        let gone = self.begun.elapsed();
        let has_shown = match self.storm.sabotage {
            Some(_) => self.books.has_leaked(),
            None => gone >= lasts && self.books.is_enough(self.storm),
        };
        !has_shown && gone < lasts + patience
    }

    pub(super) fn trouble(&self, tenant: u32) {
        self.troubled.store(tenant, Ordering::Relaxed);
    }

    pub(super) fn troubled(&self) -> u32 {
        self.troubled.load(Ordering::Relaxed)
    }

    /// A number that no other batch has.
    pub(super) fn batch(&self) -> i64 {
        self.batches.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets a request in at the epoch that was heard of last, whatever it is by now.
    pub(super) fn admit(&self, tenant: u32) -> Admitted {
        let cell = CellId::new(1).unwrap();
        let epoch = self.books.of(tenant).epoch;
        let resolved = Resolved {
            tenant: TenantId::new(tenant).unwrap(),
            placement: Placement::new(cell, Lifecycle::Active, epoch),
            source: Source::Internal,
        };
        let budget = WorkBudget::new(NonZeroU16::new(2).unwrap(), Duration::from_secs(1));
        admit(resolved, Principal::visitor(), Grant::ReadWrite, budget).unwrap()
    }

    /// As the superuser, past the line.
    pub(super) async fn ask(&self, sql: &str) -> Vec<sqlx::postgres::PgRow> {
        let mut admin = PgConnection::connect(&self.database.url()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .fetch_all(&mut admin)
            .await
            .unwrap()
    }

    /// The server dies and comes back.
    pub(super) async fn crash(&self) {
        let server = Arc::clone(&self.server);
        spawn_blocking(move || {
            let mut server = server.lock().unwrap();
            server.crash().unwrap();
            server.start_again().unwrap();
        })
        .await
        .unwrap();
        self.books.count("crash");
    }
}

/// Isolates the database, and opens the cell as an application does; the mover takes the straight way.
async fn open(
    database: &Database,
    isolation: &Isolation,
    app: PgConnectOptions,
    statements: Statements,
) -> PostgresCell {
    let mut admin = PgConnection::connect(&database.url()).await.unwrap();
    install(&mut admin, isolation).await.unwrap();
    let key = (isolation.mode() == IsolationMode::Sealed)
        .then(|| SealKey::new("storm", [7; 32]).unwrap());
    if let Some(key) = &key {
        install_key(&mut admin, key).await.unwrap();
    }
    admin.close().await.unwrap();
    let receipt = audit::boot(app, isolation, key).await.unwrap();
    let mover = database.url_as(&isolation.roles().mover()).parse().unwrap();
    let options = CellOptions::new(NonZeroU16::new(CONNECTIONS).unwrap())
        .max_write_age(Duration::from_secs(2))
        .wait(Duration::from_secs(2))
        .statements(statements);
    let cell = PostgresCell::open(receipt, mover, options).await.unwrap();
    let made = join_all((1..=TENANTS).map(|tenant| {
        let event = FenceEvent::Create {
            lifecycle: Lifecycle::Active,
            epoch: Epoch::FIRST,
        };
        cell.change_fence(TenantId::new(tenant).unwrap(), None, event)
    }));
    for made in made.await {
        made.unwrap();
    }
    cell
}
