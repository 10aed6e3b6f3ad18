//! The embedded cells: one SQLite file each, brought to the newest schema and then opened for this process.

use std::{
    collections::BTreeMap,
    num::{NonZeroU16, NonZeroU32},
    path::PathBuf,
    sync::Arc,
};

use sqlx::sqlite::SqliteConnectOptions;
use tenancy_core::{
    ReadWrite, TenantContext,
    db::{CellDb, CellOptions, DbError, SqliteCell},
};
use tenancy_migrate::{Schema, Version, delete_rows, upgrade_sqlite};
use tenancy_types::{CellId, SystemClock};

use super::OpenError;
use crate::{
    config::Config,
    shop::{Cell, checkout::Checkout, payment::AnyPaymentGateway, schema},
};

/// Readers of one cell: more than the machine has cores, fewer than its file system minds.
const READERS: NonZeroU16 = NonZeroU16::new(8).expect("eight is not zero");

/// Rows of one transaction of a deletion: other shops' writers get their turn in between.
const BATCH: NonZeroU32 = NonZeroU32::new(500).expect("it is not 0");

/// Deletes all rows of a shop. Repeating it changes nothing.
pub(super) async fn empty(db: &CellDb, context: &TenantContext<ReadWrite>) -> Result<(), DbError> {
    delete_rows(db, context, &schema::manifest(), BATCH)
        .await
        .map(drop)
}

/// A cell that is served: its database for fences, and the shops' handle on it.
#[derive(Clone, Debug)]
pub(super) struct OpenCell {
    pub(super) db: CellDb,
    pub(super) shops: Cell,
    /// How its shops sell.
    pub(super) checkout: Checkout,
}

/// Opens all cells of the settings below the data folder. Their shops are paid through this gateway.
pub(super) async fn open_all(
    config: &Config,
    gateway: &AnyPaymentGateway,
) -> Result<BTreeMap<CellId, OpenCell>, OpenError> {
    let mut open = BTreeMap::new();
    for spec in config.cells.iter() {
        let path = config.data.join(format!("{}.db", spec.cell));
        let (db, shops) = open_one(spec.cell, path).await?;
        let checkout =
            Checkout::new(shops.clone(), gateway.clone()).payment_limit(config.payment_limit);
        let cell = OpenCell {
            db,
            shops,
            checkout,
        };
        open.insert(spec.cell, cell);
    }
    Ok(open)
}

/// Opens the cell in this file, which is made where it is missing.
pub(super) async fn open_one(cell: CellId, path: PathBuf) -> Result<(CellDb, Cell), OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let failed = |source| OpenError::Cell { cell, source };
    upgrade_sqlite(&versions(), &options, &SystemClock)
        .await
        .map_err(|error| failed(error.into()))?;
    let sqlite = SqliteCell::open(path, &schema::manifest(), CellOptions::new(READERS)).await;
    let db = CellDb::Sqlite(sqlite.map_err(|error| failed(error.into()))?);
    let shops = Cell::new(cell, db.clone(), Arc::new(SystemClock));
    Ok((db, shops))
}

fn versions() -> Schema {
    let versions = (1..).zip(schema::VERSIONS);
    let versions = versions.map(|(number, version)| {
        Version::new(number, version.name, version.statements.join(";\n"))
    });
    Schema::new(versions).expect("the versions are numbered in order and named")
}
