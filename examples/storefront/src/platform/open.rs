//! Opening the platform: what must be there, in an order that survives a crash at any point.

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use sqlx::sqlite::SqliteConnectOptions;
use tenancy_core::directory::{
    AnyDirectory, CellLoad, CellRecord, Directory, DirectoryError, SqliteDirectory,
};
use tenancy_migrate::{ProvisionError, Provisioning, Purging, SqliteJournal};
use tenancy_types::{CellId, Clock, SystemClock, TenantId};

use super::{
    Acts, Archives, AwayCells, Disagreement, Links, Parts, Platform, Site,
    archives::SweepError,
    cells::{self, OpenCell},
    control,
    offboarding::Departures,
    purge::{PurgeActs, Purges, Waits},
    reconcile::reconcile,
};
use crate::{
    config::Config,
    postgres::{OpenCellError, Place, PrivateError},
    shop::payment::{AnyPaymentGateway, LedgerError, TestGateway},
};

/// Tenants that an embedded cell takes.
const CELL_CAPACITY: u32 = 50_000;

/// Why the platform could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The data folder cannot be made or locked.
    #[error("use the data folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another process serves this data folder.
    #[error("the data folder {} is served by another process", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// There is no directory.
    #[error("there is no {}: say where the data folder is with --data", path.display())]
    NoDirectory {
        /// Where it is looked for.
        path: PathBuf,
    },
    /// The directory cannot be opened or read.
    #[error("open the directory")]
    Directory(#[from] DirectoryError),
    /// A cell cannot be opened or read.
    #[error("open {cell}")]
    Cell {
        /// The cell.
        cell: CellId,
        /// What is wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A cell in Postgres cannot be served.
    #[error("open {cell} ({place})")]
    Postgres {
        /// The cell.
        cell: CellId,
        /// Its database.
        place: Place,
        /// Why not.
        source: Box<OpenCellError>,
    },
    /// A cell has no Postgres server of its own.
    #[error("start Postgres for {cell}")]
    PrivatePostgres {
        /// The cell.
        cell: CellId,
        /// Why not.
        source: Box<PrivateError>,
    },
    /// A cell is where it is not looked for.
    #[error("{cell} is elsewhere: there is {}", path.display())]
    CellElsewhere {
        /// The cell.
        cell: CellId,
        /// What says so.
        path: PathBuf,
    },
    /// Shops live in a cell, and it is not where it is looked for.
    #[error(
        "shops live in {cell}, and there is no {}: bring it back, or say where the cell is with --cell or --cell-file",
        path.display()
    )]
    CellLost {
        /// The cell.
        cell: CellId,
        /// Where it is looked for.
        path: PathBuf,
    },
    /// A cell and the directory do not belong together, or are not of one time.
    #[error(transparent)]
    Disagrees(#[from] Disagreement),
    /// Shops live in a cell that was not asked for.
    #[error("shops live in {cell}, which --cells and --cell leave out")]
    CellMissing {
        /// The cell.
        cell: CellId,
    },
    /// A cell stands elsewhere than it did.
    #[error("{cell} stands in {found}, --cells says {asked}")]
    CellMoved {
        /// The cell.
        cell: CellId,
        /// Where the directory has it.
        found: String,
        /// Where it was asked for.
        asked: String,
    },
    /// A shop has a plan that is not in the file of plans.
    #[error("a shop has a plan that the plans leave out; the log says which")]
    PlanMissing,
    /// The limits do not go together.
    #[error("set up the limits")]
    Limits(#[from] tenancy_rate_limit::Error),
    /// The control database cannot be opened.
    #[error("open the control database")]
    Control(#[source] Box<dyn Error + Send + Sync>),
    /// The ledger of test payments cannot be opened.
    #[error(transparent)]
    Payments(#[from] LedgerError),
    /// It cannot be found out which archives are needed.
    #[error("tidy up archives")]
    Archives(#[source] SweepError),
    /// The journal of what was being done cannot be read.
    #[error("resume what was being done")]
    Resume(#[source] Box<ProvisionError>),
}

impl Site {
    /// Opens the cells of the settings, or none, for a process beside the one that controls the platform.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        make_folder(&config.data)?;
        let directory = open_directory(&config).await?;
        check_places(&config)?;
        for load in directory.cells().await? {
            check_cell(&config, &load)?;
        }
        let mut cells = BTreeMap::new();
        if config.cells.iter().next().is_some() {
            let gateway = open_provider(&config).await?;
            (cells, _) = open_cells(&config, &directory, &gateway).await?;
        }
        Self::start(config, directory, cells).await
    }
}

impl Platform {
    /// Opens the data folder for this process alone and finishes what a crash left half done.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let lock = lock(&config.data)?;
        let provider = open_provider(&config).await?;
        Self::open_locked(config, lock, provider).await
    }

    /// The same, with shops that are paid through this gateway.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_paid_by(
        config: Config,
        gateway: AnyPaymentGateway,
    ) -> Result<Self, OpenError> {
        let lock = lock(&config.data)?;
        Self::open_locked(config, lock, gateway).await
    }

    /// The same, with all cells in other processes.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_control(config: Config, away: AwayCells) -> Result<Self, OpenError> {
        let lock = lock(&config.data)?;
        let directory = open_directory(&config).await?;
        let none = BTreeMap::new();
        let leaving = reconcile(&directory, &none).await?;
        let site = Site::start(config, directory.clone(), none.clone()).await?;
        Self::open_with(site, lock, Links::new(directory, none, Some(away)), leaving).await
    }

    async fn open_locked(
        config: Config,
        lock: File,
        gateway: AnyPaymentGateway,
    ) -> Result<Self, OpenError> {
        let directory = open_directory(&config).await?;
        check_cells(&directory, &config).await?;
        let (cells, leaving) = open_cells(&config, &directory, &gateway).await?;
        let site = Site::start(config, directory.clone(), cells.clone()).await?;
        Self::open_with(site, lock, Links::new(directory, cells, None), leaving).await
    }

    async fn open_with(
        site: Site,
        lock: File,
        links: Links,
        leaving: Vec<TenantId>,
    ) -> Result<Self, OpenError> {
        let (config, directory) = (site.config(), site.directory());
        let control = control::open(&config.data).await?;
        let archives = Archives::open(&config.data)?;
        let acts = Acts {
            directory: directory.clone(),
            links: links.clone(),
            archives: archives.clone(),
            meters: Arc::clone(site.meters()),
        };
        let journal = open_journal(&config.data, "workflows.db").await?;
        let provisioning = Provisioning::new(acts, journal.clone(), SystemClock);
        let purge_acts = PurgeActs {
            directory: directory.clone(),
            links: links.clone(),
            archives: archives.clone(),
            control: control.clone(),
            provisioning: journal.clone(),
        };
        let purges = open_purges(&config.data, purge_acts).await?;
        resume(&provisioning).await?;
        let swept = archives.sweep([&journal, &purges.journal]).await;
        swept.map_err(OpenError::Archives)?;
        let departures = Departures::new(control.clone());
        let later = config.purge_after(SystemClock.unix());
        let kept = departures.keep_from(&leaving, later).await;
        kept.map_err(|error| OpenError::Control(error.into()))?;
        Ok(Self(Arc::new(Parts {
            site,
            links,
            provisioning,
            archives,
            purges,
            departures,
            control,
            _lock: lock,
        })))
    }
}

async fn open_directory(config: &Config) -> Result<AnyDirectory, OpenError> {
    let path = config.data.join("directory.db");
    let directory = SqliteDirectory::open(path, SystemClock).await?;
    Ok(AnyDirectory::new(directory))
}

async fn open_provider(config: &Config) -> Result<AnyPaymentGateway, OpenError> {
    let provider = TestGateway::open(&config.data.join("payments.db")).await?;
    Ok(AnyPaymentGateway::new(provider))
}

/// The cells of the settings, brought together with the directory, and the shops that are leaving.
async fn open_cells(
    config: &Config,
    directory: &AnyDirectory,
    gateway: &AnyPaymentGateway,
) -> Result<(BTreeMap<CellId, OpenCell>, Vec<TenantId>), OpenError> {
    let id = directory.extent().await?.newest.history.directory;
    let cells = cells::open_all(config, id, gateway).await?;
    // Before anything that was half done is gone on with: it could be done to others' rows.
    let leaving = reconcile(directory, &cells).await?;
    for spec in config.cells.iter() {
        let record = CellRecord {
            cell: spec.cell,
            region: spec.region.clone(),
            capacity: CELL_CAPACITY,
        };
        directory.put_cell(record).await?;
    }
    Ok((cells, leaving))
}

/// What a crash interrupted is gone on with by the worker: visitors of other shops need not wait for it.
async fn open_purges(folder: &Path, acts: PurgeActs) -> Result<Purges, OpenError> {
    let journal = open_journal(folder, "purges.db").await?;
    Ok(Purges {
        runner: Purging::new(acts, journal.clone(), SystemClock),
        journal,
        turn: tokio::sync::Mutex::default(),
        waits: Waits::default(),
    })
}

async fn open_journal(folder: &Path, name: &str) -> Result<SqliteJournal, OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join(name))
        .create_if_missing(true);
    let journal = SqliteJournal::open(&options, &SystemClock).await;
    journal.map_err(|error| OpenError::Resume(Box::new(error.into())))
}

/// Finishes the shops that were being made. One that cannot be finished now is tried again at the next
/// start, or when its request is repeated; it keeps nobody from starting.
async fn resume(
    provisioning: &Provisioning<Acts, SqliteJournal, SystemClock>,
) -> Result<(), OpenError> {
    let resumed = provisioning
        .resume_all()
        .await
        .map_err(|error| OpenError::Resume(Box::new(error)))?;
    for home in resumed.ready {
        tracing::info!(tenant_id = %home.tenant, "shop finished that was being made");
    }
    for (key, error) in resumed.unfinished {
        tracing::error!(%key, %error, cause = error.source(), "shop could not be finished");
    }
    Ok(())
}

/// Shops' data and the token are nobody else's.
fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| not_a_folder(folder, source))
}

fn not_a_folder(folder: &Path, source: io::Error) -> OpenError {
    let path = folder.into();
    OpenError::Folder { path, source }
}

/// Resolves when no process has the data folder. Another one may take it at once.
pub(crate) async fn until_free(folder: &Path) -> Result<(), OpenError> {
    make_folder(folder)?;
    let (path, (tell, told)) = (folder.to_owned(), tokio::sync::oneshot::channel());
    // A thread of its own: the runtime would wait for one of its own when the process is told to stop meanwhile.
    std::thread::spawn(move || {
        let free = File::create(path.join("lock")).and_then(|file| file.lock());
        // Whoever asked may be gone.
        let _ = tell.send(free);
    });
    let free = told
        .await
        .unwrap_or_else(|gone| Err(io::Error::other(gone)));
    free.map_err(|source| not_a_folder(folder, source))
}

pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    make_folder(folder)?;
    let failed = |source| not_a_folder(folder, source);
    let file = File::create(folder.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: folder.into(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Cells that have shops must be asked for and be there, and where they stand cannot change.
async fn check_cells(directory: &AnyDirectory, config: &Config) -> Result<(), OpenError> {
    check_places(config)?;
    for load in directory.cells().await? {
        let cell = load.record.cell;
        if load.tenants > 0 && config.cells.iter().all(|spec| spec.cell != cell) {
            return Err(OpenError::CellMissing { cell });
        }
        check_cell(config, &load)?;
    }
    Ok(())
}

fn check_places(config: &Config) -> Result<(), OpenError> {
    let mut specs = config.cells.iter();
    specs.try_for_each(|spec| cells::check_place(&config.data, spec))
}

/// What the directory knows of a cell must be so, if this process serves it.
fn check_cell(config: &Config, load: &CellLoad) -> Result<(), OpenError> {
    let cell = load.record.cell;
    let Some(spec) = config.cells.iter().find(|spec| spec.cell == cell) else {
        return Ok(());
    };
    if spec.region != load.record.region {
        let (found, asked) = (load.record.region.to_string(), spec.region.to_string());
        return Err(OpenError::CellMoved { cell, found, asked });
    }
    if load.tenants > 0 {
        cells::check_there(&config.data, spec)?;
    }
    Ok(())
}
