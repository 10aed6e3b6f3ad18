//! Servers of one's own, below the data folder, for whoever has none.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread::{self, JoinHandle},
    time::Duration,
};

use tenancy_core::isolation::Roles;
use tenancy_testkit::Postgres;
use tenancy_types::{CellId, Region};
use tokio::task::spawn_blocking;

use super::{
    CellFiles, CellUrl, Credentials, FileError, Init, InitError, InvalidCellUrl, Passwords, init,
};

/// The database, and the beginning of the roles' names.
const NAME: &str = "shops";
/// The folder of the servers, below the data folder.
const FOLDER: &str = "postgres";

/// Between two looks whether the server is there.
const PAUSE: Duration = Duration::from_secs(1);

/// A server that is started again when it has ended by itself, and stops in good order when this is dropped, or when
/// the process ends.
#[derive(Debug)]
pub struct PrivateServer {
    /// What the keeper waits on. Gone before it is joined.
    end: Option<mpsc::Sender<()>>,
    keeper: Option<JoinHandle<()>>,
}

impl PrivateServer {
    fn keep(cell: CellId, server: Postgres) -> io::Result<Self> {
        let (end, ended) = mpsc::channel();
        let keeper = thread::Builder::new().name(format!("postgres of {cell}"));
        let keeper = keeper.spawn(move || keep_up(cell, server, &ended))?;
        Ok(Self {
            end: Some(end),
            keeper: Some(keeper),
        })
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(keeper) = self.keeper.take() {
            // A panic there has been printed, and the server's supervisor ends it.
            let _ = keeper.join();
        }
    }
}

/// Starts the server again whenever nobody listens any more, until the other end of the channel is gone.
fn keep_up(cell: CellId, mut server: Postgres, ended: &mpsc::Receiver<()>) {
    while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        if server.is_listening() {
            continue;
        }
        tracing::error!(%cell, "the cell's Postgres server has ended, and is started again");
        if let Err(error) = server.start_again() {
            tracing::error!(%cell, %error, "the cell's Postgres server does not start");
        }
    }
}

/// Why a cell has no server of its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateError {
    /// It does not start.
    #[error(transparent)]
    Start(#[from] tenancy_testkit::Error),
    /// Nobody can look after it.
    #[error("start the thread that looks after the server")]
    Keep(#[source] io::Error),
    /// It is where no URL leads.
    #[error(transparent)]
    Url(#[from] InvalidCellUrl),
    /// Its cell cannot be made.
    #[error(transparent)]
    Init(#[from] Box<InitError>),
    /// Its file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The server of a cell, started, and the cell as it was before.
#[derive(Debug)]
pub struct PrivateStart {
    cell: CellId,
    server: Postgres,
    admin: CellUrl,
}

/// Starts the server of a cell, whose data is made where it is missing. In the cell nothing is done yet.
///
/// # Errors
/// [`PrivateError`].
pub async fn start(data: &Path, cell: CellId) -> Result<PrivateStart, PrivateError> {
    let folder = private_folder(data, cell);
    let start = {
        let data = data.to_owned();
        spawn_blocking(move || start_server(&data, &folder))
    };
    // What panics there panics here.
    let (server, url) = start
        .await
        .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?;
    let admin = url.parse()?;
    Ok(PrivateStart {
        cell,
        server,
        admin,
    })
}

impl PrivateStart {
    /// The way in of the server's superuser.
    #[must_use]
    pub fn admin(&self) -> &CellUrl {
        &self.admin
    }

    /// Brings the cell up to date, and looks after the server from then on.
    ///
    /// # Errors
    /// [`PrivateError`].
    pub async fn into_cell(
        self,
        data: &Path,
        region: &Region,
    ) -> Result<(PrivateServer, Credentials), PrivateError> {
        let Self {
            cell,
            server,
            admin,
        } = self;
        let files = CellFiles::of(data);
        if let Some(known) = files.of_cell(cell)? {
            // The data folder may have moved, and the server with it.
            files.save(&known.moved_to(&admin))?;
        }
        let made = Init {
            admin,
            cell: Some(cell),
            region: Some(region.clone()),
            roles: Some(Roles::named(NAME).expect("the name is a constant and plain")),
            passwords: Passwords::Keep,
        };
        let made = Box::pin(init(data, &made)).await.map_err(Box::new)?;
        for change in &made.changes {
            tracing::info!(%cell, change, "cell");
        }
        let server = PrivateServer::keep(cell, server).map_err(PrivateError::Keep)?;
        Ok((server, made.credentials))
    }
}

/// Where the server of a cell has its data.
#[must_use]
pub fn private_folder(data: &Path, cell: CellId) -> PathBuf {
    data.join(FOLDER).join(cell.to_string())
}

/// Whether what is known of a cell leads to the server of its own. The data folder, and the server with it, may have
/// moved; then nothing is where it was.
#[must_use]
pub fn is_private(data: &Path, known: &Credentials) -> bool {
    let place = known.place();
    let Some(socket) = place.socket() else {
        return false;
    };
    let own = private_folder(data, known.cell);
    let is_own = || fs::canonicalize(socket).ok() == fs::canonicalize(&own).ok();
    place.database() == NAME
        && socket.ends_with(private_folder(Path::new(""), known.cell))
        && (!socket.exists() || is_own())
}

fn start_server(data: &Path, folder: &Path) -> Result<(Postgres, String), PrivateError> {
    let parent = folder.parent().expect("it is below another one");
    for above in [data, parent] {
        Postgres::let_in(above)?;
    }
    let server = Postgres::keep_in(folder)?;
    let url = server.database_named(NAME)?.url();
    Ok((server, url))
}
