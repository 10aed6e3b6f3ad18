use std::{io, time::Duration};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

/// Whoever does not answer in this time is away.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) async fn connect(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    tokio::time::timeout(LIMIT, PgConnection::connect_with(options))
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
}
