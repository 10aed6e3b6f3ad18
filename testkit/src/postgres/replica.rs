use std::ffi::OsStr;
use std::sync::Arc;

use super::control::{BACK_UP, CONTROL};
use super::{Database, Postgres};
use crate::server::{Kind, Order, Server};
use crate::server_user::ServerUser;
use crate::workspace::Workspace;
use crate::{Address, Error};

/// A streaming replica of a [`Postgres`] cluster: it takes readers, follows with a replication slot of
/// its own, and can be promoted.
///
/// Like every server it is gone when dropped; its slot then goes too.
#[derive(Debug)]
pub struct Replica {
    /// A cluster that is not asked for new databases while it follows another.
    cluster: Postgres,
}

impl Replica {
    /// Copies a running cluster and follows it.
    pub(super) fn of(primary: &Postgres) -> Result<Self, Error> {
        let programs = primary.programs.clone();
        let user = ServerUser::postgres()?;
        let folder = Workspace::open(user)?.unique("replica");
        // Of a slot's name only lower-case letters, digits and underscores may be made.
        let slot = folder.file_name().unwrap_or_default().to_string_lossy();
        let slot = slot.replace('-', "_");
        let server = Server::start(
            Kind {
                what: "Postgres replica",
                functions: format!("{CONTROL}{BACK_UP}"),
                user,
                holds: None,
            },
            folder,
            &[
                programs.folder().as_os_str(),
                programs.libraries(),
                primary.socket_folder().as_os_str(),
                OsStr::new(&slot),
            ],
        )?;
        let databases = Arc::clone(&primary.databases);
        Ok(Self {
            cluster: Postgres {
                server,
                programs,
                databases,
                _hold: None,
            },
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Address {
        self.cluster.address()
    }

    /// The replica's copy of a database of its primary. It stays at its place when the replica is promoted.
    #[must_use]
    pub fn database(&self, database: &Database) -> Database {
        database.at(self.address())
    }

    /// Waits until it has replayed the primary's log up to `position`, an answer of
    /// [`Postgres::log_position`]. Blocks, for 10 seconds at most.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when that does not happen in time, because the replay is paused for example, or
    /// when the replica does not run.
    pub fn wait_for(&self, position: &str) -> Result<(), Error> {
        self.cluster.wait_until(
            "replaying the primary's log",
            &format!("coalesce(pg_last_wal_replay_lsn() >= '{position}'::pg_lsn, false)"),
        )
    }

    /// Stops applying what arrives, so that readers see the past until [`Replica::resume_replay`].
    /// Blocks until nothing is applied any more.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it does not run.
    pub fn pause_replay(&self) -> Result<(), Error> {
        self.cluster.ask("select pg_wal_replay_pause()")?;
        self.cluster.wait_until(
            "pausing a replica",
            "pg_get_wal_replay_pause_state() = 'paused'",
        )
    }

    /// Goes on applying what has arrived. [`Replica::wait_for`] says when it has caught up.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it does not run.
    pub fn resume_replay(&self) -> Result<(), Error> {
        self.cluster.ask("select pg_wal_replay_resume()").map(drop)
    }

    /// Makes it a cluster that takes writes, whether or not its primary is still there. Blocks until it
    /// does. What it has not received by then is lost, and the old primary does not learn of it: fencing
    /// that one is the business of whoever promotes.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it does not run, or not within 10 seconds; the replica is then gone.
    pub fn promote(self) -> Result<Postgres, Error> {
        let promoted = self.cluster.ask("select pg_promote(true, 10)")?;
        if promoted != "t" {
            return Err(Error::Failed {
                what: "promoting a replica",
                report: "it still follows after 10 seconds".to_owned(),
            });
        }
        Ok(self.cluster)
    }

    /// Ends its processes at once. See [`Postgres::crash`].
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it does not run.
    pub fn crash(&mut self) -> Result<(), Error> {
        self.cluster.server.order(Order::Crash)
    }

    /// Starts it in the folder that it had; it follows from where it was.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when it runs, or does not start.
    pub fn start_again(&mut self) -> Result<(), Error> {
        self.cluster.server.order(Order::Start)
    }
}
