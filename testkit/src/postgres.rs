//! A private Postgres cluster.

mod database;
mod programs;
mod template;

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use database::Database;

use crate::Error;
use crate::server_user::ServerUser;
use crate::supervisor::Supervisor;
use crate::workspace::Workspace;
use programs::Programs;

/// Names the socket's file; nothing listens on TCP, so it collides with nobody.
const PORT: u16 = 5432;

/// Start a cluster, wait for the end of the test, remove it. `$1` is the folder of the programs,
/// `$2` the prepared data, `$3` the cluster's own folder.
///
/// The signals are caught instead of ignored, because children inherit what is ignored.
const SCRIPT: &str = r#"
trap : HUP INT TERM PIPE
mkdir -m 700 "$3" &&
    cp -R -p "$2" "$3/data" 2>>"$3/report" &&
    "$1/pg_ctl" -D "$3/data" -l "$3/report" -w start >>"$3/start" 2>&1 &&
    echo ready || echo failed
read -r _
"$1/pg_ctl" -D "$3/data" -m immediate -w stop >/dev/null
rm -rf "$3"
"#;

/// A private Postgres cluster: at least version 15, `wal_level = logical`, on a Unix socket that
/// only this user (and root) can reach, with durability off.
///
/// It runs until it is dropped or the process ends, however it ends, and then its data is gone.
/// Starting one takes about half a second once the machine has a prepared data folder (the first
/// start makes it, in a few seconds).
#[derive(Debug)]
pub struct Postgres {
    folder: PathBuf,
    programs: Programs,
    databases: AtomicU32,
    /// Ends the server when dropped.
    _supervisor: Supervisor,
}

impl Postgres {
    /// Starts a cluster of one's own. Blocks until it takes connections.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] without an installed Postgres, [`Error::Failed`] with the server's log when
    /// it does not start, [`Error::ForeignFolder`] and [`Error::Io`] for the folder it lives in.
    pub fn start() -> Result<Self, Error> {
        let programs = Programs::find()?;
        let user = ServerUser::unprivileged()?;
        let workspace = Workspace::open(user)?;
        let template = template::prepare(&programs, &workspace, user)?;
        let folder = workspace.unique("postgres");
        let arguments = [programs.folder(), template.as_path(), folder.as_path()];
        let mut supervisor = Supervisor::start(SCRIPT, arguments, user)?;
        let started = supervisor.wait_for(|line| Some(line == "ready"))?;
        if started != Some(true) {
            let report = fs::read_to_string(folder.join("report")).unwrap_or_default();
            return Err(Error::Failed {
                what: "starting Postgres",
                report,
            });
        }
        Ok(Self {
            folder,
            programs,
            databases: AtomicU32::new(0),
            _supervisor: supervisor,
        })
    }

    /// The cluster that all tests of this process share; the first caller starts it.
    ///
    /// # Panics
    ///
    /// When it does not start, with the reason of [`Postgres::start`].
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED
            .get_or_init(|| Self::start().unwrap_or_else(|error| panic!("{}", with_causes(&error))))
    }

    /// A fresh, empty database, which lives as long as the cluster. Blocks for about 100 ms.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with the server's answer.
    pub fn database(&self) -> Result<Database, Error> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let database = Database {
            socket_dir: self.folder.join("data"),
            port: PORT,
            user: "postgres",
            name: format!("test_{number}"),
        };
        self.programs.create(&database)?;
        Ok(database)
    }
}

/// An error and everything below it, for a person at a terminal.
fn with_causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}
