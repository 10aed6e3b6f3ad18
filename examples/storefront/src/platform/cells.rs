//! The cells of this process, each brought to the newest schema, or found to have it, and then opened.

use std::{
    collections::BTreeMap,
    num::{NonZeroU16, NonZeroU32},
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::future::try_join_all;
use sqlx::sqlite::SqliteConnectOptions;
use tenancy_core::{
    ReadWrite, TenantContext,
    db::{CellDb, CellOptions, DbError, SqliteCell},
    directory::DirectoryId,
};
use tenancy_migrate::{delete_rows, upgrade_sqlite};
use tenancy_types::{CellId, SystemClock};

use super::{OpenError, agreement::Owner, owner::Register, reconcile::check_owner};
use crate::{
    config::{CellPlace, CellSpec, Config},
    postgres::{self, CellFiles, Credentials, Hold, PrivateError, PrivateServer},
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
    /// Where it says whose it is.
    pub(super) register: Register,
    /// Keeps others from serving it, if it is in Postgres. A file is locked by whoever has it open.
    pub(super) hold: Option<Arc<Hold>>,
    /// Held as long as the cell is served, if it has a server of its own.
    _server: Option<Arc<PrivateServer>>,
}

/// Opens all cells of the settings below the data folder, none of them another directory's. Their shops are paid
/// through this gateway.
pub(super) async fn open_all(
    config: &Config,
    directory: DirectoryId,
    gateway: &AnyPaymentGateway,
) -> Result<BTreeMap<CellId, OpenCell>, OpenError> {
    let opening = config
        .cells
        .iter()
        .map(|spec| open_spec(&config.data, spec, directory));
    let opened = try_join_all(opening).await?;
    let cells = opened.into_iter().map(|opened| {
        let Opened {
            shops,
            db,
            register,
            hold,
            _server,
        } = opened;
        let checkout =
            Checkout::new(shops.clone(), gateway.clone()).payment_limit(config.payment_limit);
        let id = shops.id();
        let cell = OpenCell {
            db,
            shops,
            checkout,
            register,
            hold,
            _server,
        };
        (id, cell)
    });
    Ok(cells.collect())
}

struct Opened {
    shops: Cell,
    db: CellDb,
    register: Register,
    hold: Option<Arc<Hold>>,
    _server: Option<Arc<PrivateServer>>,
}

/// Whose the cell is comes first: another platform's is not even brought to the newest schema.
async fn open_spec(
    data: &Path,
    spec: &CellSpec,
    directory: DirectoryId,
) -> Result<Opened, OpenError> {
    let CellSpec {
        cell,
        region,
        place,
    } = spec;
    let ours = Owner {
        directory,
        cell: *cell,
    };
    match place {
        CellPlace::File => {
            let path = file(data, *cell);
            let register = Register::Sqlite(SqliteConnectOptions::new().filename(&path));
            if path.exists() {
                check_owner(ours, &register).await?;
            }
            let (db, shops) = open_one(*cell, path).await?;
            Ok(Opened {
                shops,
                db,
                register,
                hold: None,
                _server: None,
            })
        }
        CellPlace::Postgres(credentials) => {
            check_owner(ours, &Register::Postgres(credentials.mover.options())).await?;
            open_postgres(credentials, None).await
        }
        CellPlace::PrivatePostgres => {
            let failed = |error| private(*cell, error);
            let started = postgres::start(data, *cell).await.map_err(failed)?;
            let register = Register::Postgres(started.admin().options());
            check_owner(ours, &register).await?;
            let made = started.into_cell(data, region).await;
            let (server, credentials) = made.map_err(failed)?;
            open_postgres(&credentials, Some(Arc::new(server))).await
        }
    }
}

async fn open_postgres(
    credentials: &Credentials,
    _server: Option<Arc<PrivateServer>>,
) -> Result<Opened, OpenError> {
    let cell = credentials.cell;
    let opened = postgres::open(credentials).await;
    let (opened, hold) = opened.map_err(|error| OpenError::Postgres {
        cell,
        place: credentials.place(),
        source: Box::new(error),
    })?;
    let db = CellDb::Postgres(opened);
    Ok(Opened {
        shops: Cell::new(cell, db.clone(), Arc::new(SystemClock)),
        db,
        register: Register::Postgres(credentials.mover.options()),
        hold: Some(Arc::new(hold)),
        _server,
    })
}

fn private(cell: CellId, error: PrivateError) -> OpenError {
    OpenError::PrivatePostgres {
        cell,
        source: Box::new(error),
    }
}

/// A cell's file.
fn file(data: &Path, cell: CellId) -> PathBuf {
    data.join(format!("{cell}.db"))
}

/// A cell that is looked for where it is not would be an empty one, and its shops would have no rows.
pub(super) fn check_place(data: &Path, spec: &CellSpec) -> Result<(), OpenError> {
    let cell = spec.cell;
    let known = CellFiles::of(data);
    let elsewhere = match spec.place {
        CellPlace::File => Some(known.path(cell)).filter(|path| path.exists()),
        CellPlace::Postgres(_) => Some(file(data, cell)).filter(|path| path.exists()),
        CellPlace::PrivatePostgres => {
            let known = known.of_cell(cell);
            let known = known.map_err(|error| private(cell, error.into()))?;
            let other = known.filter(|known| !postgres::is_private(data, known));
            let other = other.map(|known| CellFiles::of(data).path(known.cell));
            other.or_else(|| Some(file(data, cell)).filter(|path| path.exists()))
        }
    };
    match elsewhere {
        Some(path) => Err(OpenError::CellElsewhere { cell, path }),
        None => Ok(()),
    }
}

/// A cell in which shops live is not made.
pub(super) fn check_there(data: &Path, spec: &CellSpec) -> Result<(), OpenError> {
    let cell = spec.cell;
    let path = match spec.place {
        CellPlace::File => file(data, cell),
        CellPlace::PrivatePostgres => postgres::private_folder(data, cell),
        // It is never made by serving it.
        CellPlace::Postgres(_) => return Ok(()),
    };
    if path.exists() {
        Ok(())
    } else {
        Err(OpenError::CellLost { cell, path })
    }
}

/// Opens the cell in this file, which is made where it is missing.
pub(super) async fn open_one(cell: CellId, path: PathBuf) -> Result<(CellDb, Cell), OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let failed = |source| OpenError::Cell { cell, source };
    upgrade_sqlite(&schema::migrations(), &options, &SystemClock)
        .await
        .map_err(|error| failed(error.into()))?;
    let sqlite = SqliteCell::open(path, &schema::manifest(), CellOptions::new(READERS)).await;
    let db = CellDb::Sqlite(sqlite.map_err(|error| failed(error.into()))?);
    let shops = Cell::new(cell, db.clone(), Arc::new(SystemClock));
    Ok((db, shops))
}
