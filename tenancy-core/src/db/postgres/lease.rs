use std::{
    fmt, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sqlx::{
    ConnectOptions as _, PgConnection, PgPool, Postgres,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::db::{
    CellOptions, DbError,
    gate::{Gate, Permit},
    turns::Party,
};

/// A pool of connections and the line before it. Nobody else has the pool. A cheap handle.
#[derive(Clone, Debug)]
pub(super) struct Door(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    connect: PgConnectOptions,
    connections: u16,
    options: CellOptions,
    check: Check,
    current: Mutex<Generation>,
    gate: Gate,
}

/// A pool, and which one it is.
#[derive(Clone, Debug)]
struct Generation {
    number: u64,
    pool: PgPool,
}

/// Nothing goes on in a transaction for this long only when its client is out of reach. Its locks would keep
/// the tenant fenced, or its fence from changing, until the network gives up, which takes hours.
const MAX_IDLE: (&str, &str) = ("idle_in_transaction_session_timeout", "60s");

/// When a connection that has died is noticed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    /// Before it is used, which costs a round trip.
    Before,
    /// By its user.
    Use,
}

impl Door {
    /// Opens no connection yet.
    pub(super) fn new(
        connect: PgConnectOptions,
        connections: u16,
        options: CellOptions,
        check: Check,
    ) -> Self {
        // The message that begins a transaction has its seal in it, which is no matter for a log.
        let connect = connect.options([MAX_IDLE]).disable_statement_logging();
        let first = Generation {
            number: 0,
            pool: pool(connect.clone(), connections, options, check),
        };
        Self(Arc::new(Shared {
            connect,
            connections,
            options,
            check,
            current: Mutex::new(first),
            gate: Gate::new(connections.into(), options.patience()),
        }))
    }

    /// Waits for a connection of which the party may hold `limit`. Cancel safe.
    pub(super) async fn lease(&self, party: Party, limit: u16) -> Result<PgLease, DbError> {
        let permit = self.0.gate.enter(party, limit).await?;
        let (connection, generation) = loop {
            let Generation { number, pool } = self.0.current().clone();
            match pool.acquire().await {
                Ok(connection) => break (connection, number),
                // It was replaced meanwhile.
                Err(sqlx::Error::PoolClosed) => {}
                Err(sqlx::Error::PoolTimedOut) => return Err(DbError::Busy),
                Err(error) => {
                    return Err(DbError::Unreachable {
                        source: error.into(),
                    });
                }
            }
        };
        Ok(PgLease {
            connection: Some(connection),
            door: self.clone(),
            generation,
            _permit: permit,
        })
    }
}

impl Shared {
    fn current(&self) -> MutexGuard<'_, Generation> {
        // Each change is one assignment, so a panic elsewhere leaves it whole.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pool(connect: PgConnectOptions, connections: u16, options: CellOptions, check: Check) -> PgPool {
    PgPoolOptions::new()
        .max_connections(connections.into())
        .acquire_timeout(options.wait)
        .test_before_acquire(matches!(check, Check::Before))
        .connect_lazy_with(connect)
}

/// A connection in use. Dropping it closes it, which rolls back.
pub struct PgLease {
    connection: Option<PoolConnection<Postgres>>,
    door: Door,
    generation: u64,
    _permit: Permit,
}

impl PgLease {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        self.connection
            .as_mut()
            .expect("only `keep` takes it, and ends the lease")
    }

    /// Gives the connection back: it is in no transaction and knows no tenant.
    pub(super) fn keep(mut self) {
        drop(self.connection.take());
    }

    /// Replaces the pool, because its connections have died, or have prepared what is out of date. They are
    /// closed as they come back; whoever finds out next with one of them replaces nothing.
    pub(super) fn spoil(&mut self) {
        let Shared {
            connect,
            connections,
            options,
            check,
            ..
        } = &*self.door.0;
        let mut current = self.door.0.current();
        if current.number == self.generation {
            let next = Generation {
                number: self.generation + 1,
                pool: pool(connect.clone(), *connections, *options, *check),
            };
            let old = mem::replace(&mut *current, next);
            // Closed by the call; the future closes the idle ones and waits for those that are out.
            tokio::spawn(async move { old.pool.close().await });
        }
    }
}

impl Drop for PgLease {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
    }
}

impl fmt::Debug for PgLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PgLease")
    }
}
