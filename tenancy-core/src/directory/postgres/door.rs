//! The connections of a process, and what keeps a server that hangs from keeping it.

use std::{future::Future, time::Duration};

use futures_core::future::BoxFuture;
use sqlx::{
    ConnectOptions as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use super::{DirectoryError, PostgresDirectoryOptions, schema::SCHEMA, unavailable};

/// A client that is out of reach is given up after a minute, not after the hours that the network takes: as long as its
/// transaction is open, it keeps the lock.
const KEEP_ALIVE: [(&str, &str); 3] = [
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
];

pub(super) struct Door {
    pool: PgPool,
    /// For connections that live as long as a snapshot, or listen: the server is not to end them.
    lasting: PgConnectOptions,
    patience: Duration,
}

impl Door {
    /// Connects to nothing yet.
    pub(super) fn new(address: &PgConnectOptions, options: PostgresDirectoryOptions) -> Self {
        let patience = options.patience;
        let limit = format!("{}ms", patience.as_millis().max(1));
        let limited = named(address).options([
            ("statement_timeout", limit.as_str()),
            ("lock_timeout", limit.as_str()),
            ("idle_in_transaction_session_timeout", limit.as_str()),
        ]);
        let lasting = named(address).options([
            ("statement_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
        let pool = PgPoolOptions::new()
            .max_connections(options.connections.get().into())
            .acquire_timeout(patience)
            .connect_lazy_with(limited);
        Self {
            pool,
            lasting,
            patience,
        }
    }

    /// Runs work on a connection to its end, whatever becomes of the caller.
    ///
    /// A connection on which something remained open, or that did not answer in time, is nobody's any more: sqlx would
    /// give it on with an open transaction (transact-rs/sqlx, issue 4393).
    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, DirectoryError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, DirectoryError>>
            + Send
            + 'static,
    {
        let (pool, patience) = (self.pool.clone(), self.patience);
        let task = tokio::spawn(async move {
            let mut connection = pool.acquire().await.map_err(unavailable)?;
            let result = in_time(patience, work(&mut connection)).await;
            if matches!(result, Err(DirectoryError::Unavailable { .. })) {
                connection.close_on_drop();
            }
            result
        });
        task.await.map_err(unavailable)?
    }

    /// A connection of one's own, which ends when it is dropped.
    pub(super) async fn own(&self) -> Result<PgConnection, DirectoryError> {
        let connect = async { self.lasting.connect().await.map_err(unavailable) };
        in_time(self.patience, connect).await
    }

    pub(super) const fn lasting(&self) -> &PgConnectOptions {
        &self.lasting
    }

    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// What did not answer in time is not available.
pub(super) async fn in_time<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, DirectoryError>>,
) -> Result<T, DirectoryError> {
    match tokio::time::timeout(patience, work).await {
        Ok(result) => result,
        Err(elapsed) => Err(unavailable(elapsed)),
    }
}

/// The directory's tables, and no others, are found by their names alone.
fn named(address: &PgConnectOptions) -> PgConnectOptions {
    let path = format!("{SCHEMA},pg_temp");
    address
        .clone()
        .application_name(SCHEMA)
        .options(KEEP_ALIVE)
        .options([("search_path", path.as_str())])
}
