use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::db::{
    DbError,
    gate::{Gate, Patience, Permit},
    turns::Party,
};

/// How many instructions of SQLite's virtual machine pass between two looks at the stop flag: some ten
/// microseconds.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;

/// Connections of one kind, behind a fair gate.
///
/// Not the driver's own pool, because a connection that is let go in the middle of a statement must be
/// stopped: closing waits for the statement otherwise, and one tenant's runaway query would keep the only
/// writer busy.
pub(super) struct Pool {
    gate: Gate,
    connect: SqliteConnectOptions,
    setup: String,
    idle: Mutex<Vec<Link>>,
}

struct Link {
    connection: SqliteConnection,
    stop: Arc<AtomicBool>,
}

/// A connection in use. Dropping it stops what it runs and closes it, which rolls back.
pub struct SqliteLease {
    link: Option<Link>,
    pool: Arc<Pool>,
    _permit: Permit,
}

impl Pool {
    pub(super) fn new(
        connections: usize,
        patience: Patience,
        connect: SqliteConnectOptions,
        setup: String,
    ) -> Arc<Self> {
        Arc::new(Self {
            gate: Gate::new(connections, patience),
            connect,
            setup,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// A connection that is there, of which the party may hold `limit`.
    pub(super) fn lease_at_once(self: &Arc<Self>, party: Party, limit: u16) -> Option<SqliteLease> {
        let permit = self.gate.enter_at_once(party, limit)?;
        let link = self.idle().pop()?;
        Some(self.lend(link, permit))
    }

    /// Waits for a connection of which the party may hold `limit`. Cancel safe.
    pub(super) async fn lease(
        self: &Arc<Self>,
        party: Party,
        limit: u16,
    ) -> Result<SqliteLease, DbError> {
        let permit = self.gate.enter(party, limit).await?;
        let idle = self.idle().pop();
        let link = match idle {
            Some(link) => link,
            None => self.connect().await.map_err(|error| DbError::Unreachable {
                source: error.into(),
            })?,
        };
        Ok(self.lend(link, permit))
    }

    fn lend(self: &Arc<Self>, link: Link, permit: Permit) -> SqliteLease {
        SqliteLease {
            link: Some(link),
            pool: Arc::clone(self),
            _permit: permit,
        }
    }

    async fn connect(&self) -> Result<Link, sqlx::Error> {
        let mut connection = SqliteConnection::connect_with(&self.connect).await?;
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        connection
            .lock_handle()
            .await?
            .set_progress_handler(STEPS_BETWEEN_LOOKS, move || !flag.load(Ordering::Relaxed));
        sqlx::raw_sql(AssertSqlSafe(&*self.setup))
            .execute(&mut connection)
            .await?;
        Ok(Link { connection, stop })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Link>> {
        // Pushing and popping leave it whole.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqliteLease {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        let link = self
            .link
            .as_mut()
            .expect("only `keep` takes it, and ends the lease");
        &mut link.connection
    }

    /// Gives the connection back: it is in no transaction and knows no tenant.
    pub(super) fn keep(mut self) {
        if let Some(link) = self.link.take() {
            self.pool.idle().push(link);
        }
    }
}

impl Drop for SqliteLease {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            link.stop.store(true, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("gate", &self.gate)
            .field("idle", &self.idle().len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SqliteLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteLease")
    }
}
