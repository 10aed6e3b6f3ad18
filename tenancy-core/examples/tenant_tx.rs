//! Two shops in one cell: each sees its own rows, whatever the query says, and a suspended one is not
//! written to by requests that were let in before.
//!
//! `cargo run -p tenancy-core --example tenant_tx --features portable`

use std::{error::Error, num::NonZeroU16, time::Duration};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tenancy_core::{
    Admitted, Grant, Manifest, Principal, Resolved, Source, Table, admit,
    db::{CellDb, CellOptions, DbError, SqliteCell},
    protocol::FenceEvent,
    types::{CellId, Epoch, Lifecycle, Placement, TenantId, WorkBudget},
};

const SCHEMA: &str = "create table product (
    tenant_id bigint not null, id bigint not null, title text not null, primary key (tenant_id, id))";

/// What the tenant layer does for a request.
fn let_in(tenant: TenantId) -> Result<Admitted, Box<dyn Error>> {
    let cell = CellId::new(1).ok_or("cells start at 1")?;
    let resolved = Resolved {
        tenant,
        placement: Placement::new(cell, Lifecycle::Active, Epoch::FIRST),
        source: Source::Internal,
    };
    let budget = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(2));
    Ok(admit(
        resolved,
        Principal::visitor(),
        Grant::ReadWrite,
        budget,
    )?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("cell-1.db");
    let create = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut connection = SqliteConnection::connect_with(&create).await?;
    sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
    connection.close().await?;

    let manifest = Manifest::new([Table::tenant("product", ["id"])])?;
    let cell = SqliteCell::open(path, &manifest, CellOptions::new(NonZeroU16::MIN)).await?;
    let cell = CellDb::Sqlite(cell);
    let shops = [1, 2].map(|id| TenantId::new(id).expect("not 0"));
    for shop in shops {
        let event = FenceEvent::Create {
            lifecycle: Lifecycle::Active,
            epoch: Epoch::FIRST,
        };
        cell.change_fence(shop, None, event).await?;
        let writer = let_in(shop)?.read_write()?;
        cell.scope(&writer, async |tx| {
            tx.sql("insert into product values ($1, 1, $2)")
                .bind(shop.as_i64())
                .bind(format!("mug of shop {shop}"))
                .run()
                .await
        })
        .await
        .map_err(|error: DbError| error)?;
    }

    // The predicate is forgotten, and each shop still gets its own.
    for shop in shops {
        let reader = let_in(shop)?.read_only();
        let mut tx = cell.begin(&reader);
        let titles: Vec<(String,)> = tx.sql("select title from product").all().await?;
        tx.commit().await?;
        report(&format!("shop {shop} sees {titles:?}"));
    }

    // Suspended after a request was let in: the request's epoch is no longer the cell's.
    let late = let_in(shops[0])?.read_write()?;
    let before = cell.fence(shops[0]).await?;
    let epoch = Epoch::FIRST.next()?;
    let suspend = FenceEvent::Lifecycle {
        lifecycle: Lifecycle::Suspended,
        epoch,
    };
    cell.change_fence(shops[0], before, suspend).await?;
    let refused: Result<u64, DbError> = cell
        .scope(&late, async |tx| {
            tx.sql("delete from product where tenant_id = 1")
                .run()
                .await
        })
        .await;
    report(&format!(
        "the late request: {}",
        refused.expect_err("it is refused")
    ));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows what it does")]
fn report(line: &str) {
    println!("{line}");
}
