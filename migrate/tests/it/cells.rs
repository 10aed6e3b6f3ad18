//! Cells of both databases with a small shop's tables, and contexts of their tenants.

use std::{num::NonZeroU16, time::Duration};

use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tenancy_core::{
    Grant, Manifest, Principal, ReadWrite, Resolved, Source, Table, TenantContext, admit,
    db::{CellDb, CellOptions, Datum, DbError, SqliteCell, TableRows},
    isolation::{IsolationMode, testing},
    protocol::FenceEvent,
};
use tenancy_testkit::Postgres;
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, TenantId, WorkBudget};

const SCHEMA: &str = "
create table product (
    tenant_id bigint not null,
    id bigint not null,
    title text not null,
    price bigint,
    weight double precision,
    primary key (tenant_id, id)
);
create table variant (
    tenant_id bigint not null,
    product_id bigint not null,
    sku text not null,
    amount bigint not null check (amount > 0),
    primary key (tenant_id, product_id, sku),
    foreign key (tenant_id, product_id) references product (tenant_id, id)
);
create table shop (
    tenant_id bigint primary key,
    name text not null
);
";

pub(crate) fn manifest() -> Manifest {
    Manifest::new([
        Table::tenant("variant", ["product_id", "sku"]).parent("product"),
        Table::tenant("product", ["id"]),
        Table::tenant("shop", []),
    ])
    .unwrap()
}

pub(crate) struct Cell {
    pub(crate) db: CellDb,
    _folder: Option<TempDir>,
}

pub(crate) async fn sqlite() -> Cell {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cell.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(SCHEMA)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let cell = SqliteCell::open(path, &manifest(), options_of_a_cell()).await;
    Cell {
        db: CellDb::Sqlite(cell.unwrap()),
        _folder: Some(folder),
    }
}

pub(crate) async fn postgres(mode: IsolationMode) -> Cell {
    let url = Postgres::shared().database().unwrap().url();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(SCHEMA)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let cell = testing::cell(
        &url.parse().unwrap(),
        &manifest(),
        mode,
        options_of_a_cell(),
    )
    .await;
    Cell {
        db: CellDb::Postgres(cell.unwrap()),
        _folder: None,
    }
}

fn options_of_a_cell() -> CellOptions {
    CellOptions::new(NonZeroU16::new(4).unwrap())
}

/// Runs the same check on a cell of each database, and in each mode of Postgres' isolation.
pub(crate) async fn on_both(check: impl AsyncFn(&CellDb)) {
    check(&sqlite().await.db).await;
    for mode in [IsolationMode::Sealed, IsolationMode::Plain] {
        check(&postgres(mode).await.db).await;
    }
}

/// A tenant of the cell, in this lifecycle since epoch `0.1`, and a context in which it is written.
pub(crate) async fn tenant(cell: &CellDb, id: u32, lifecycle: Lifecycle) -> Context {
    let epoch = Epoch::FIRST;
    let event = FenceEvent::Create { lifecycle, epoch };
    let tenant = TenantId::new(id).unwrap();
    cell.change_fence(tenant, None, event).await.unwrap();
    context(tenant, lifecycle, epoch)
}

pub(crate) type Context = TenantContext<ReadWrite>;

pub(crate) fn context(tenant: TenantId, lifecycle: Lifecycle, epoch: Epoch) -> Context {
    let resolved = Resolved {
        tenant,
        placement: Placement::new(CellId::new(1).unwrap(), lifecycle, epoch),
        source: Source::Internal,
    };
    let workflow = Principal::platform("test", "archives");
    let budget = WorkBudget::new(NonZeroU16::new(4).unwrap(), Duration::from_secs(8));
    let admitted = admit(resolved, workflow, Grant::ReadWrite, budget).unwrap();
    admitted.read_write().unwrap()
}

/// Writes rows into one table.
pub(crate) async fn insert(cell: &CellDb, ctx: &Context, table: &str, rows: Vec<Vec<Datum>>) {
    let manifest = manifest();
    let table = manifest.tables().iter().find(|found| found.name() == table);
    let table = table.unwrap();
    let columns: &[&str] = match table.name() {
        "product" => &["id", "title", "price", "weight"],
        "variant" => &["product_id", "sku", "amount"],
        _ => &["name"],
    };
    let columns = columns.iter().map(ToString::to_string).collect();
    let rows = TableRows { columns, rows };
    cell.scope(ctx, async |tx| {
        tx.insert_into(table, &rows).await?;
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
}

pub(crate) fn text(text: &str) -> Datum {
    Datum::Text(text.into())
}

/// A shop with so many products, each with two variants.
pub(crate) async fn fill(cell: &CellDb, ctx: &Context, products: i64) {
    insert(cell, ctx, "shop", vec![vec![text("Garden \u{1f9f5}")]]).await;
    let product = |id| vec![Datum::Int(id), text("Mug"), Datum::Null, Datum::Float(0.1)];
    insert(cell, ctx, "product", (1..=products).map(product).collect()).await;
    let variant = |id, sku| vec![Datum::Int(id), text(sku), Datum::Int(1)];
    let variants = (1..=products).flat_map(|id| [variant(id, "a"), variant(id, "b")]);
    insert(cell, ctx, "variant", variants.collect()).await;
}
