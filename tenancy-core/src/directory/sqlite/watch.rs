//! Changes that other processes made of the same file.

use std::{convert::Infallible, time::Duration};

use sqlx::{ConnectOptions as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tenancy_types::Revision;
use tokio::{sync::watch, task::AbortHandle};

use super::{DirectoryError, unavailable};

/// How often is looked whether somebody has written. SQLite tells nobody, but says it for the price of reading one word of
/// memory that the processes share.
const EVERY: Duration = Duration::from_millis(10);

/// Looks at the file for as long as this lives.
pub(super) struct Watch(AbortHandle);

impl Watch {
    /// Wakes the followers after every transaction that another connection has committed.
    pub(super) fn start(file: SqliteConnectOptions, wake: watch::Sender<Revision>) -> Self {
        Self(tokio::spawn(run(file, wake)).abort_handle())
    }

    pub(super) fn end(&self) {
        self.0.abort();
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end();
    }
}

async fn run(file: SqliteConnectOptions, wake: watch::Sender<Revision>) -> Infallible {
    loop {
        let Err(error) = look(&file, &wake).await;
        tracing::debug!(%error, "the directory's file is not watched at the moment");
        tokio::time::sleep(EVERY).await;
    }
}

/// Looks until the file cannot be read.
async fn look(
    file: &SqliteConnectOptions,
    wake: &watch::Sender<Revision>,
) -> Result<Infallible, DirectoryError> {
    let mut connection = file.connect().await.map_err(unavailable)?;
    let mut seen = version(&mut connection).await?;
    // What was written before this connection was there.
    wake.send_modify(|_| {});
    loop {
        tokio::time::sleep(EVERY).await;
        let found = version(&mut connection).await?;
        if found != seen {
            seen = found;
            wake.send_modify(|_| {});
        }
    }
}

/// A number that changes whenever another connection commits.
async fn version(connection: &mut SqliteConnection) -> Result<i64, DirectoryError> {
    sqlx::query_scalar("pragma data_version")
        .fetch_one(connection)
        .await
        .map_err(unavailable)
}
