//! A private Postgres cluster.

mod control;
mod data_folder;
mod database;
mod hold;
mod programs;
mod psql;
mod replica;
mod template;

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

pub use database::Database;
pub use replica::Replica;
pub use template::Template;

use crate::error::with_causes;
use crate::server::{Kind, Order, Server};
use crate::server_user::ServerUser;
use crate::workspace::{self, Workspace};
use crate::{Address, Error};
use control::{CONTROL, COPY, KEEP};
use programs::Programs;

/// Names the socket's file; nothing listens on TCP, so it collides with nobody.
pub(crate) const PORT: u16 = 5432;

/// How often a condition is looked at before it is given up: for 10 seconds at least.
const LOOKS: u32 = 1000;

/// The file of a server's socket in `folder`, as every client of Postgres expects it.
pub(crate) fn socket_in(folder: &Path) -> Address {
    Address::Unix(socket_file(folder))
}

fn socket_file(folder: &Path) -> PathBuf {
    folder.join(format!(".s.PGSQL.{PORT}"))
}

/// The longest path of a socket: `sun_path` of `sockaddr_un` on Linux without its last zero (unix(7)).
const LONGEST_SOCKET: usize = 107;

/// No client finds a socket with a longer path.
fn check_socket(folder: &Path) -> Result<(), Error> {
    let path = socket_in(folder).to_string();
    if path.len() <= LONGEST_SOCKET {
        return Ok(());
    }
    Err(Error::Failed {
        what: "Postgres",
        report: format!("the path of its socket is longer than {LONGEST_SOCKET} bytes: {path}"),
    })
}

/// A folder above it may be closed to the server's user.
fn check_way(folder: &Path, user: ServerUser) -> Result<(), Error> {
    if user.can_enter(folder)? {
        return Ok(());
    }
    Err(Error::Failed {
        what: "Postgres",
        report: format!(
            "its user cannot enter {}: a folder above it is closed to others",
            folder.display()
        ),
    })
}

/// A private Postgres cluster: at least version 15, `wal_level = logical`, on a Unix socket that
/// only this user (and root) can reach.
///
/// It runs until it is dropped or the process ends, however it ends, and then its data is gone.
/// Starting one takes about half a second once the machine has a prepared data folder (the first
/// start makes it, in a few seconds). Any number of clusters run side by side.
///
/// Which installed server it is: the folder of programs that the variable `TENANCY_TEST_POSTGRES` names,
/// else the newest that `PATH` and the system's packages have.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
    programs: Programs,
    /// How many databases were made, here and in the cluster that this one was a replica of.
    databases: Arc<AtomicU32>,
    /// Of a cluster that stays: nobody else may have its folder. After the server, which ends first.
    _hold: Option<File>,
}

impl Postgres {
    /// Starts a cluster of one's own. Blocks until it takes connections.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] without an installed Postgres, [`Error::Unusable`] when
    /// `TENANCY_TEST_POSTGRES` names something else, [`Error::Failed`] with the server's log when it does
    /// not start, [`Error::ForeignFolder`] and [`Error::Io`] for the folder it lives in.
    pub fn start() -> Result<Self, Error> {
        let user = ServerUser::postgres()?;
        let programs = Programs::find(user)?;
        let workspace = Workspace::open(user)?;
        let prepared = data_folder::prepare(&programs, &workspace, user)?;
        let server = Server::start(
            Kind {
                what: "Postgres",
                functions: format!("{CONTROL}{COPY}"),
                user,
                holds: None,
            },
            workspace.unique("postgres"),
            &[
                programs.folder().as_os_str(),
                programs.libraries(),
                prepared.as_os_str(),
            ],
        )?;
        Ok(Self {
            server,
            programs,
            databases: Arc::default(),
            _hold: None,
        })
    }

    /// Starts a cluster that stays: its data is in `folder`, which is made where it is missing, and is forced
    /// to the disk. Dropping it, or the end of the process, stops it in good order. Blocks until it takes
    /// connections: for some seconds the first time.
    ///
    /// The folder is the server's user's alone; above it, that user must be able to enter every folder. One
    /// cluster at a time may have it: another one is refused, and what a killed process left behind is waited
    /// for, two minutes at most.
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`]. [`Error::Failed`] also for a folder that another cluster has, for one whose path is too
    /// long for a socket, and for data of another major version.
    pub fn keep_in(folder: &Path) -> Result<Self, Error> {
        let user = ServerUser::postgres()?;
        let programs = Programs::find(user)?;
        let folder = workspace::own_folder(folder, user)?;
        check_socket(&folder)?;
        check_way(&folder, user)?;
        let (hold, supervisors) = hold::take(&folder)?;
        data_folder::keep(&programs, &folder, user)?;
        let server = Server::start(
            Kind {
                what: "Postgres",
                functions: format!("{CONTROL}{KEEP}"),
                user,
                holds: Some(supervisors),
            },
            folder,
            &[programs.folder().as_os_str(), programs.libraries()],
        )?;
        Ok(Self {
            server,
            programs,
            databases: Arc::default(),
            _hold: Some(hold),
        })
    }

    /// Lets the server's user enter a folder of this process's user, which is made where it is missing, without
    /// listing it: for the folders above one that a cluster is [kept in](Self::keep_in). When both are the same
    /// user, nobody else is let in.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] when this process is root's and there is no user `postgres`, [`Error::Io`].
    pub fn let_in(folder: &Path) -> Result<(), Error> {
        workspace::let_in(folder, ServerUser::postgres()?)
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

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Address {
        socket_in(self.socket_folder())
    }

    /// A fresh, empty database, which lives as long as the cluster. Blocks for about 100 ms.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with the server's answer.
    pub fn database(&self) -> Result<Database, Error> {
        self.create("template1")
    }

    /// The database of this name, of letters, digits and underscores; made where it is missing.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with the server's answer.
    pub fn database_named(&self, name: &str) -> Result<Database, Error> {
        let there = self.ask(&format!(
            "select count(*) from pg_database where datname = '{name}'"
        ))?;
        if there == "0" {
            self.ask(&format!("create database {name}"))?;
        }
        let name = name.to_owned();
        Ok(Database::new(self.address(), name, self.programs.psql()))
    }

    /// Makes a prepared database a template, to be copied by [`Postgres::database_from`]. Its tables and
    /// rows must be there by now: it is closed, for this test too.
    ///
    /// Roles belong to the cluster and not to a database, so all copies share them.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with the server's answer.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the database cannot be used any more"
    )]
    pub fn template(&self, prepared: Database) -> Result<Template, Error> {
        let template = Template::of(&prepared);
        self.ask(&template.sql())?;
        Ok(template)
    }

    /// A fresh copy of a template of this cluster. Blocks for tens of milliseconds, however long the
    /// template took to prepare.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with the server's answer.
    pub fn database_from(&self, template: &Template) -> Result<Database, Error> {
        self.create(template.name())
    }

    /// A streaming replica with a folder and a socket of its own. Blocks for about a second.
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`].
    pub fn replica(&self) -> Result<Replica, Error> {
        Replica::of(self)
    }

    /// Up to where the log is written: all transactions that are committed by now are before it. For
    /// [`Replica::wait_for`]; written as Postgres writes a `pg_lsn`, `0/1A2B3C`.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it does not run.
    pub fn log_position(&self) -> Result<String, Error> {
        self.ask("select pg_current_wal_lsn()")
    }

    /// Ends all its processes at once and in mid-work, as a crash would; the next start recovers from
    /// the log. Committed transactions are kept, all others are lost. Blocks until nothing is left of it.
    ///
    /// Takes the cluster by `&mut`, so a shared one cannot be crashed under the other tests.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it does not run.
    pub fn crash(&mut self) -> Result<(), Error> {
        self.server.order(Order::Crash)
    }

    /// Ends it in good order: transactions are rolled back, clients are told. Blocks until it is down.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it does not run.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.server.order(Order::Stop)
    }

    /// Starts it after a crash or a stop: with the data, the socket and so the URLs that it had.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with the server's log when it runs, or does not start.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.server.order(Order::Start)
    }

    /// Whether somebody listens where it does: not so after a crash. It may be too busy to answer.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        let connected = UnixStream::connect(socket_file(self.socket_folder()));
        let gone = |error: &io::Error| {
            matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::ConnectionRefused
            )
        };
        !connected.as_ref().is_err_and(gone)
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    pub(crate) fn socket_folder(&self) -> &Path {
        self.server.folder()
    }

    fn create(&self, template: &str) -> Result<Database, Error> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        self.ask(&format!("create database {name} template {template}"))?;
        Ok(Database::new(self.address(), name, self.programs.psql()))
    }

    /// The cluster's own answer, from the database that every cluster has.
    fn ask(&self, sql: &str) -> Result<String, Error> {
        let own = "postgres".to_owned();
        Database::new(self.address(), own, self.programs.psql()).run(sql)
    }

    /// Asks until a condition holds.
    fn wait_until(&self, what: &'static str, condition: &str) -> Result<(), Error> {
        let question = format!("select {condition}");
        for _ in 0..LOOKS {
            if self.ask(&question)? == "t" {
                return Ok(());
            }
            thread::park_timeout(Duration::from_millis(10));
        }
        Err(Error::Failed {
            what,
            report: format!("still not: {condition}"),
        })
    }
}
