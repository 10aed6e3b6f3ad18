//! Cells of both databases with a small shop's schema, and contexts of their tenants.

mod age;
mod borrower;
mod bulk;
mod cancel;
mod conformance;
mod drain;
mod executor;
mod external;
mod failover;
mod fence;
mod given_up;
mod isolation;
mod lapsed;
mod limits;
mod open;
mod pool;
mod pooler;
mod portable;
mod random;
mod replica;
mod scrub;
mod session;
mod survey;
mod wide;
mod writers;

use std::{cell::Cell, num::NonZeroU16, time::Duration};

use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tenancy_core::{
    Admitted, Grant, Manifest, Principal, ReadOnly, ReadWrite, Resolved, Source, Table,
    TenantContext, admit,
    db::{CellDb, CellOptions, OpenError, PostgresCell, SqliteCell},
    isolation::{
        IsolationMode,
        testing::{self, TestCellError},
    },
    protocol::FenceEvent,
    types::{CellId, Epoch, Kind, Lifecycle, Placement, Problem, TenantId, WorkBudget},
};
use tenancy_testkit::{Database, Postgres};

pub(crate) use crate::patience::{until, until_so};

thread_local! {
    /// The mode of the Postgres cells of the test that runs in this thread.
    static MODE: Cell<IsolationMode> = const { Cell::new(IsolationMode::Sealed) };
}

/// Runs tests of sealed cells once more on plain ones: beside `db::fence::fences_are_listed_in_pages` there is
/// `db::fence::fences_are_listed_in_pages::plain`.
macro_rules! also_plain {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[test]
            fn plain() {
                crate::db::in_plain_mode(super::$test);
            }
        })+
    };
}
pub(crate) use also_plain;

pub(crate) fn in_plain_mode(test: fn()) {
    MODE.set(IsolationMode::Plain);
    test();
}

pub(crate) const SCHEMA: &str = include_str!("db/schema.sql");

pub(crate) fn manifest() -> Manifest {
    Manifest::new([
        Table::tenant("variant", ["product_id", "id"]).parent("product"),
        Table::tenant("product", ["id"]),
        Table::tenant("slug", ["slug"]).tenant_column("shop"),
        Table::tenant("note", ["shelf", "seq"]),
        Table::tenant("profile", []),
        Table::tenant("mark", []),
        Table::tenant("picture", ["id"]),
        Table::shared_read("currency"),
        Table::control_plane("journal"),
    ])
    .unwrap()
}

pub(crate) fn tenant(id: u32) -> TenantId {
    TenantId::new(id).unwrap()
}

pub(crate) fn epoch(seq: u32) -> Epoch {
    Epoch::new(0, seq)
}

pub(crate) fn options(connections: u16) -> CellOptions {
    CellOptions::new(NonZeroU16::new(connections).unwrap())
}

pub(crate) fn budget(connections: u16) -> WorkBudget {
    WorkBudget::new(
        NonZeroU16::new(connections).unwrap(),
        Duration::from_secs(8),
    )
}

pub(crate) fn admitted(id: u32, seq: u32, budget: WorkBudget) -> Admitted {
    let cell = CellId::new(1).unwrap();
    let resolved = Resolved {
        tenant: tenant(id),
        placement: Placement::new(cell, Lifecycle::Active, epoch(seq)),
        source: Source::Internal,
    };
    admit(resolved, Principal::visitor(), Grant::ReadWrite, budget).unwrap()
}

pub(crate) fn reader(id: u32) -> TenantContext<ReadOnly> {
    admitted(id, 1, budget(4)).read_only()
}

pub(crate) fn writer(id: u32) -> TenantContext<ReadWrite> {
    admitted(id, 1, budget(4)).read_write().unwrap()
}

pub(crate) async fn create(cell: &CellDb, id: u32) {
    let event = FenceEvent::Create {
        lifecycle: Lifecycle::Active,
        epoch: epoch(1),
    };
    in_time(async || cell.change_fence(tenant(id), None, event).await).await;
}

/// Sets something up with a cell that waits as little as its test wants it to, which a busy machine need not manage at
/// once.
async fn in_time<T, E: Problem + std::fmt::Debug>(
    mut set_up: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let mut done = None;
    until_so("the set-up is done", async || match set_up().await {
        Ok(value) => {
            done = Some(value);
            true
        }
        Err(error) => {
            assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
            false
        }
    })
    .await;
    done.expect("it is done")
}

/// A SQLite cell with tenants 1 to `tenants`, and the folder it lives in.
pub(crate) struct Sqlite {
    pub(crate) cell: CellDb,
    pub(crate) folder: TempDir,
}

impl Sqlite {
    pub(crate) async fn new(tenants: u32, options: CellOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = plain(&folder).await;
        sqlx::raw_sql(SCHEMA)
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        let path = folder.path().join("cell.db");
        let cell = SqliteCell::open(path, &manifest(), options).await.unwrap();
        let cell = CellDb::Sqlite(cell);
        for id in 1..=tenants {
            create(&cell, id).await;
        }
        Self { cell, folder }
    }

    /// A connection that knows nothing of tenants.
    pub(crate) async fn plain(&self) -> SqliteConnection {
        plain(&self.folder).await
    }
}

async fn plain(folder: &TempDir) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(folder.path().join("cell.db"))
        .create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// A Postgres cell with tenants 1 to `tenants`, and its address.
pub(crate) async fn postgres(tenants: u32, options: CellOptions) -> (CellDb, String) {
    let database = Postgres::shared().database().unwrap();
    let cell = postgres_in(&database, tenants, options).await;
    (cell, database.url())
}

/// As [`postgres`], in a database of the test's own.
pub(crate) async fn postgres_in(database: &Database, tenants: u32, options: CellOptions) -> CellDb {
    let url = database.url();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(SCHEMA)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let cell = CellDb::Postgres(isolated(&url, options).await);
    for id in 1..=tenants {
        create(&cell, id).await;
    }
    cell
}

/// The cell in a database that is isolated here: sealed, unless the test [runs once more](also_plain).
pub(crate) async fn isolated(url: &str, options: CellOptions) -> PostgresCell {
    let (url, manifest) = (url.parse().unwrap(), manifest());
    let open = async || {
        let opened = testing::cell(&url, &manifest, MODE.get(), options).await;
        opened.map_err(|error| match error {
            TestCellError::Open(OpenError::Mover { source }) => *source,
            other => panic!("{other:?}"),
        })
    };
    in_time(open).await
}

/// Puts a product into the tenant's shop.
pub(crate) async fn stock(cell: &CellDb, id: u32, title: &'static str) {
    cell.scope(&writer(id), async |tx| {
        tx.sql("insert into product values ($1, 1, 'mug', $2, 900, 0.5)")
            .bind(i64::from(id))
            .bind(title)
            .run()
            .await
    })
    .await
    .unwrap();
}
