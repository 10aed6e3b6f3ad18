//! Exports a shop from one cell and loads it into another, as a new tenant.
//!
//! `cargo run -p tenancy-migrate --example archive --features core,sqlite`
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::{error::Error, fs::File, io, num::NonZeroU16, path::Path, time::Duration};

use tenancy_core::{
    Grant, Manifest, Principal, ReadWrite, Resolved, Source, Table, TenantContext, admit,
    db::{CellDb, CellOptions, DbError, SqliteCell},
    protocol::FenceEvent,
};
use tenancy_migrate::{Archive, Export, Schema, Version, count_rows, export, upgrade_sqlite};
use tenancy_types::{
    CellId, Clock, Epoch, Lifecycle, Placement, SystemClock, TenantId, WorkBudget,
};

type BoxError = Box<dyn Error + Send + Sync>;

const VERSION: u32 = 1;
const PRODUCT: &str = "create table product (
    tenant_id bigint, id bigint, title text not null, primary key (tenant_id, id)
)";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let schema = Schema::new([Version::new(VERSION, "products", PRODUCT)])?;
    let tables = Manifest::new([Table::tenant("product", ["id"])])?;

    let here = cell(&schema, &tables, &folder.path().join("cell-1.db")).await?;
    let garden = enter(&here, 1, Lifecycle::Active).await?;
    here.scope(&garden, async |tx| {
        tx.sql("insert into product values ($1, 1, 'Mug'), ($1, 2, 'Jug')")
            .bind(1_i64)
            .run()
            .await?;
        Ok::<_, DbError>(())
    })
    .await?;

    let settings = Export {
        manifest: &tables,
        schema_version: VERSION,
        about: r#"{"slug": "garden"}"#,
        exported_at: SystemClock.unix(),
        folder: folder.path(),
    };
    let mut exported = export(&here, &garden.to_read_only(), &settings).await?;
    let path = folder.path().join("garden.tar");
    io::copy(&mut exported.file, &mut File::create(&path)?)?;
    println!(
        "{} bytes, of tables {:#?}",
        exported.bytes, exported.manifest.tables
    );

    let there = cell(&schema, &tables, &folder.path().join("cell-2.db")).await?;
    let copy = enter(&there, 2, Lifecycle::Provisioning).await?;
    let archive = Archive::open(path).await?;
    archive.load(&there, &copy, &tables, VERSION).await?;
    let copied = count_rows(&there, &copy.to_read_only(), &tables).await?;
    println!("the copy has {copied}");
    Ok(())
}

async fn cell(schema: &Schema, tables: &Manifest, path: &Path) -> Result<CellDb, BoxError> {
    let url = format!("sqlite://{}?mode=rwc", path.display());
    upgrade_sqlite(schema, &url.parse()?, &SystemClock).await?;
    let options = CellOptions::new(NonZeroU16::MIN);
    Ok(CellDb::Sqlite(
        SqliteCell::open(path, tables, options).await?,
    ))
}

/// Makes a tenant in the cell, and enters it as an operator.
async fn enter(
    cell: &CellDb,
    number: u32,
    lifecycle: Lifecycle,
) -> Result<TenantContext<ReadWrite>, BoxError> {
    let tenant = TenantId::new(number).ok_or("tenants are counted from 1")?;
    let epoch = Epoch::FIRST;
    let event = FenceEvent::Create { lifecycle, epoch };
    cell.change_fence(tenant, None, event).await?;
    let cell = CellId::new(1).ok_or("cells are counted from 1")?;
    let resolved = Resolved {
        tenant,
        placement: Placement::new(cell, lifecycle, epoch),
        source: Source::Internal,
    };
    let budget = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(5));
    let workflow = Principal::platform("example", "copy a shop");
    Ok(admit(resolved, workflow, Grant::ReadWrite, budget)?.read_write()?)
}
