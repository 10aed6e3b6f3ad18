//! A cell with a server of its own, behind a line that breaks.

use std::{
    num::{NonZeroU16, NonZeroU32},
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::{
    Admitted, Grant, Manifest, Principal, Resolved, Source, Table, admit,
    db::{CellOptions, PostgresCell},
    isolation::{Isolation, IsolationMode, Roles, SealKey, audit, install, install_key},
    protocol::FenceEvent,
    types::{CellId, Lifecycle, Placement, TenantId, WorkBudget},
};
use tenancy_testkit::{Database, PgBouncer, Postgres, Proxy};
use tokio::{
    task::spawn_blocking,
    time::{Instant, timeout},
};

use super::{
    Line, Sabotage, Storm, TENANTS,
    books::{Books, LINES},
};

const SCHEMA: &str = "create table entry (
    tenant_id bigint not null, batch bigint not null, line bigint not null, body text not null,
    primary key (tenant_id, batch, line))";

const CONNECTIONS: u16 = 8;

/// Fewer than the cell has connections, so that they are given from one to another.
const POOLED: NonZeroU32 = NonZeroU32::new(3).expect("not 0");

/// What a connection of the application's does or holds.
const BUSY: &str = "select count(*) from pg_stat_activity a
    where a.datname = current_database() and a.usename like '%\\_app'
    and (a.state <> 'idle' or exists (select from pg_locks l where l.pid = a.pid))";

pub(super) struct World {
    pub(super) storm: Storm,
    pub(super) cell: PostgresCell,
    pub(super) proxy: Proxy,
    pub(super) books: Books,
    app: PgConnectOptions,
    database: Database,
    batches: AtomicI64,
    ends: Instant,
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
        let manifest = Manifest::new([Table::tenant("entry", ["batch", "line"])]).unwrap();
        let roles = Roles::named(database.name()).unwrap();
        let isolation = Isolation::new(&manifest, roles, storm.mode);
        let app: PgConnectOptions = proxy
            .database(entrance)
            .url_as(&isolation.roles().app())
            .parse()
            .unwrap();
        let app = match storm.line {
            Line::Direct => app,
            Line::Pooled => app.statement_cache_capacity(0),
        };
        let cell = open(&database, &isolation, app.clone()).await;
        if storm.sabotage == Some(Sabotage::NoRowSecurity) {
            database
                .run("alter table entry disable row level security")
                .unwrap();
        }
        let first = "insert into entry select t, 0, line, 'of ' || t
            from generate_series(1, $1) t, generate_series(0, $2 - 1) line";
        let first = first.replace("$1", &TENANTS.to_string());
        database
            .run(&first.replace("$2", &LINES.to_string()))
            .unwrap();
        let books = Books::new();
        for tenant in 1..=TENANTS {
            books.of(tenant).acknowledged.insert(0);
        }
        Self {
            storm,
            cell,
            proxy,
            books,
            app,
            database,
            batches: AtomicI64::new(1),
            ends: Instant::now() + storm.lasts,
            _pooler: pooler,
            server: Arc::new(Mutex::new(server)),
        }
    }

    /// Until its time is over, and it has done enough to prove something.
    pub(super) fn is_stormy(&self) -> bool {
        let is_enough = self.storm.sabotage.is_some() || self.books.is_enough();
        Instant::now() < self.ends || !is_enough
    }

    /// PgBouncer 1.18 does not carry prepared statements from one of its connections to the next.
    pub(super) fn keeps_statements(&self) -> bool {
        self.storm.line == Line::Direct
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

    /// The application's connection, as one that knows no cell would have it.
    pub(super) async fn session(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect_with(&self.app).await
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

    /// What is there is what was acknowledged, and each batch is whole.
    pub(super) async fn compare(&self) {
        use sqlx::Row as _;
        let all = "select tenant_id, batch, count(*), bool_and(body = 'of ' || tenant_id)
            from entry group by tenant_id, batch";
        let mut found = vec![Vec::new(); TENANTS as usize];
        for row in self.ask(all).await {
            let (tenant, batch): (i64, i64) = (row.get(0), row.get(1));
            let whole = row.get::<i64, _>(2) == LINES && row.get::<bool, _>(3);
            if !whole {
                self.books
                    .wrong(format!("batch {batch} of tenant {tenant} is not whole"));
            }
            found[usize::try_from(tenant - 1).unwrap()].push(batch);
        }
        for (tenant, found) in (1..=TENANTS).zip(found) {
            let known = self.books.of(tenant);
            let lost: Vec<_> = known
                .acknowledged
                .iter()
                .filter(|batch| !found.contains(batch))
                .collect();
            let expected =
                |batch: &&i64| known.acknowledged.contains(batch) || known.unknown.contains(batch);
            let undead: Vec<_> = found.iter().filter(|batch| !expected(batch)).collect();
            if !lost.is_empty() || !undead.is_empty() {
                self.books.wrong(format!(
                    "tenant {tenant}: lost {lost:?}, not refused {undead:?}"
                ));
            }
        }
    }

    /// No connection of the application's is in a transaction, holds a lock or, as far as another client of
    /// the pooler can see, knows a tenant.
    pub(super) async fn is_clean(&self) {
        use sqlx::Row as _;
        let idle = timeout(Duration::from_secs(20), async {
            // A connection that is being closed is still listed for a moment.
            while self.ask(BUSY).await[0].get::<i64, _>(0) > 0 {}
        });
        if idle.await.is_err() {
            self.books.wrong("a connection stays busy".into());
        }
        if self.storm.line == Line::Pooled {
            // Each transaction keeps one of the pooler's connections from the others.
            let mut held = Vec::new();
            for _ in 0..POOLED.get() {
                let mut session = self.session().await.unwrap();
                let ask = "begin; select coalesce(current_setting('app.tenant_id', true), '')";
                let rows = sqlx::raw_sql(ask).fetch_all(&mut session).await.unwrap();
                let tenant: String = rows[0].get(0);
                if !tenant.is_empty() {
                    self.books.wrong(format!("a session knows tenant {tenant}"));
                }
                held.push(session);
            }
        }
    }
}

/// Isolates the database, and opens the cell as an application does; the mover takes the straight way.
async fn open(database: &Database, isolation: &Isolation, app: PgConnectOptions) -> PostgresCell {
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
        .wait(Duration::from_secs(2));
    let cell = PostgresCell::open(receipt, mover, options).await.unwrap();
    for tenant in 1..=TENANTS {
        let tenant = TenantId::new(tenant).unwrap();
        let event = FenceEvent::Create {
            lifecycle: Lifecycle::Active,
            epoch: tenancy_core::types::Epoch::FIRST,
        };
        cell.change_fence(tenant, None, event).await.unwrap();
    }
    cell
}
