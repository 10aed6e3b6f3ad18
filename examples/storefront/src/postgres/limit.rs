//! How long a server may say nothing.

use std::{convert::Infallible, io, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::{sleep, timeout};

use super::CellUrl;

/// A server that does not answer a small question in this time is away.
const LIMIT: Duration = Duration::from_secs(8);
/// Between two questions whether it is still there.
const PAUSE: Duration = Duration::from_secs(1);

/// What a server that says nothing comes to: the same as one that is not there.
pub(super) fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::ErrorKind::TimedOut.into())
}

/// Asks a small question, or finds that nobody answers.
///
/// # Errors
/// Those of the question, and that of a server that is away.
///
/// # Cancel safety
/// The question's.
pub(crate) async fn in_time<T, E: From<sqlx::Error>>(
    asked: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let answered = timeout(LIMIT, asked).await;
    answered.unwrap_or_else(|_| Err(silent().into()))
}

/// Returns when the server says nothing: for what may take long as long as the server lives. A refusal is an answer,
/// and whoever has something to do there is refused as well.
pub(super) async fn silence(url: &CellUrl) -> sqlx::Error {
    loop {
        if let Err(error) = ask_on(url).await
            && matches!(&error, sqlx::Error::Io(cause) if cause.kind() == io::ErrorKind::TimedOut)
        {
            return error;
        }
        sleep(PAUSE).await;
    }
}

async fn ask_on(url: &CellUrl) -> Result<Infallible, sqlx::Error> {
    let options = url.options();
    let mut connection: PgConnection = in_time(options.connect()).await?;
    loop {
        in_time(connection.ping()).await?;
        sleep(PAUSE).await;
    }
}
