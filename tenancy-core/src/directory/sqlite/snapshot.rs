use std::{num::NonZeroU16, vec};

use futures_util::{StreamExt, TryStreamExt, stream};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tenancy_types::{LogEntry, TenantId};

use super::{
    super::{Page, Snapshot, decide},
    DirectoryError, read, unavailable,
};

/// How many tenants are held at once.
const PAGE: NonZeroU16 = NonZeroU16::new(512).expect("not zero");

/// Reads everything in one read transaction, page by page.
///
/// The connection is the snapshot's own: whenever the stream is dropped it closes, and no borrower of a pool
/// can meet its old view of the file.
pub(super) async fn take(options: &SqliteConnectOptions) -> Result<Snapshot, DirectoryError> {
    let mut connection = options.connect().await.map_err(unavailable)?;
    sqlx::query("begin")
        .execute(&mut connection)
        .await
        .map_err(unavailable)?;
    // The first read fixes what the transaction sees.
    let position = read::extent(&mut connection).await?.newest;
    let pages = stream::try_unfold((connection, Page::first(PAGE)), next_page);
    Ok(Snapshot {
        position,
        facts: pages.map_ok(stream::iter).try_flatten().boxed(),
    })
}

type Reading = (SqliteConnection, Page);
type Facts = vec::IntoIter<Result<LogEntry, DirectoryError>>;

async fn next_page(
    (mut connection, page): Reading,
) -> Result<Option<(Facts, Reading)>, DirectoryError> {
    let tenants = read::tenants(&mut connection, page).await?;
    let last: Option<TenantId> = tenants.last().map(|tenant| tenant.id);
    let facts: Vec<_> = tenants.iter().flat_map(decide::snapshot).map(Ok).collect();
    Ok(last.map(|last| (facts.into_iter(), (connection, page.after(last)))))
}
