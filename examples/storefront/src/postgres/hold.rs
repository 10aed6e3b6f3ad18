//! One process at a time serves a cell in Postgres.
//!
//! Tenants are numbered by the directory of a data folder. Two processes on copies of one folder would give the same
//! number to two shops, and show each the other's rows. So whoever serves a cell holds an advisory lock of its
//! database, on a connection of its own, which is the mover's and must lead to the server itself: behind a pooler that
//! lends connections for a transaction the lock would be anybody's.
//!
//! The lock ends with the connection, also when the process is killed; of a machine that has vanished the server
//! learns after some ten seconds of silence. The connection may end while its process lives, when the server starts
//! again or is replaced by another one. Then the lock is taken again, and whoever finds it taken serves no more.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection,
    error::DatabaseError, postgres::PgConnectOptions,
};
use tenancy_types::CellId;
use tokio::{sync::watch, task::JoinHandle, time::sleep};

use super::limit::in_time;
use crate::random;

/// What the lock is called: the numbers spell "tenacell". Locks of two numbers are apart from those of one, which
/// tenants have, and the tables' versions have another second one.
const LOCK: &str = "pg_advisory_lock(x'74656e61'::int, x'63656c6c'::int)";

/// How long a start waits for a predecessor that is dead, or ends.
const FIRST: Duration = Duration::from_secs(5);
/// How long a process waits that had the lock before: for its own last connection to end.
const AGAIN: Duration = Duration::from_secs(2);
/// Between two looks whether the connection lives, and between two attempts to have another.
const PAUSE: Duration = Duration::from_secs(1);

/// The lock of a cell that this process serves. Dropping it lets others serve the cell.
#[derive(Debug)]
pub struct Hold {
    lost: watch::Receiver<bool>,
    keeper: JoinHandle<()>,
}

/// Why a process does not have the lock of a cell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HoldError {
    /// Another process has it.
    #[error(
        "the cell is served by another process: a data folder, or a copy of it, serves its cells from one process at a time"
    )]
    Taken,
    /// The database did not answer, or refused.
    #[error("take the cell's lock as its mover")]
    Database(#[from] sqlx::Error),
}

impl Hold {
    /// Takes the lock of the database that these options lead to, and keeps it.
    ///
    /// # Errors
    /// [`HoldError::Taken`] when another process still has it after five seconds.
    pub(super) async fn take(cell: CellId, mover: PgConnectOptions) -> Result<Self, HoldError> {
        let mover = mover.application_name(&format!("storefront-{}", random::hex::<8>()));
        let connection = take(&mover, FIRST).await?;
        let (sender, lost) = watch::channel(false);
        let keeper = tokio::spawn(async move {
            keep(cell, &mover, connection).await;
            sender.send_replace(true);
        });
        Ok(Self { lost, keeper })
    }

    /// Returns when another process has the lock: this one must not serve the cell any more.
    pub async fn lost(&self) {
        // A keeper that panicked holds nothing, either.
        let _ = self.lost.clone().wait_for(|lost| *lost).await;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Has the lock on one connection after the other, until another process has it.
async fn keep(cell: CellId, mover: &PgConnectOptions, mut connection: PgConnection) {
    loop {
        sleep(PAUSE).await;
        if in_time(connection.ping()).await.is_ok() {
            continue;
        }
        tracing::warn!(%cell, "the cell's lock is lost, and is taken again");
        connection = loop {
            match take(mover, AGAIN).await {
                Ok(connection) => break connection,
                Err(HoldError::Taken) => return,
                Err(HoldError::Database(error)) => {
                    tracing::debug!(%cell, %error, "the cell's lock is not taken yet");
                    sleep(PAUSE).await;
                }
            }
        };
        tracing::info!(%cell, "the cell's lock is taken again");
    }
}

/// A connection that has the lock.
async fn take(mover: &PgConnectOptions, patience: Duration) -> Result<PgConnection, HoldError> {
    // The name is this process's alone: what else has it is a connection that the process has given up, and of whose
    // end the server does not know.
    const OURS: &str = "select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = current_setting('application_name') and pid <> pg_backend_pid()
            and usename = current_user and datname = current_database()";
    let mut connection = in_time(async {
        let mut connection = mover.connect().await?;
        // It is idle for as long as the cell is served, and must not outlive a client that is out of reach.
        let settings = "set statement_timeout = 0; set idle_session_timeout = 0;
            set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3;
            set client_connection_check_interval = 500";
        connection.execute(sqlx::raw_sql(settings)).await?;
        connection.execute(OURS).await?;
        Ok::<_, sqlx::Error>(connection)
    })
    .await?;
    let wait = format!("set lock_timeout = {}; select {LOCK}", patience.as_millis());
    let locked = async { connection.execute(sqlx::raw_sql(AssertSqlSafe(wait))).await };
    match tokio::time::timeout(patience * 2, locked).await {
        Ok(Ok(_)) => Ok(connection),
        Ok(Err(error)) if is_taken(&error) => Err(HoldError::Taken),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(super::limit::silent().into()),
    }
}

/// Whether the lock was waited for in vain: `lock_not_available`.
fn is_taken(error: &sqlx::Error) -> bool {
    let refusal = error.as_database_error();
    refusal.and_then(DatabaseError::code).as_deref() == Some("55P03")
}
