use std::{num::NonZeroU16, time::Duration, vec};

use futures_util::{StreamExt, TryStreamExt, stream};
use sqlx::PgConnection;
use tenancy_types::{LogEntry, TenantId};

use super::{
    super::{Page, Snapshot, decide},
    DirectoryError,
    door::{Door, in_time},
    read, unavailable,
};

/// How many tenants are held at once.
const PAGE: NonZeroU16 = NonZeroU16::new(2_048).expect("not zero");

/// Reads everything in one transaction with one snapshot, page by page.
///
/// The connection is the snapshot's own: whenever the stream is dropped it closes. Only the pages must come in time;
/// their reader may take its own, and no tool of the server's removes meanwhile what it has not read yet.
pub(super) async fn take(door: &Door) -> Result<Snapshot, DirectoryError> {
    let mut connection = door.own().await?;
    let patience = door.patience();
    let begin = async {
        sqlx::raw_sql("begin isolation level repeatable read read only")
            .execute(&mut connection)
            .await
            .map_err(unavailable)?;
        // The first read fixes what the transaction sees.
        Ok(read::extent(&mut connection).await?.newest)
    };
    let position = in_time(patience, begin).await?;
    let start = Reading {
        connection,
        page: Page::first(PAGE),
        patience,
    };
    let pages = stream::try_unfold(start, next_page);
    Ok(Snapshot {
        position,
        facts: pages.map_ok(stream::iter).try_flatten().boxed(),
    })
}

struct Reading {
    connection: PgConnection,
    page: Page,
    patience: Duration,
}

type Facts = vec::IntoIter<Result<LogEntry, DirectoryError>>;

async fn next_page(mut reading: Reading) -> Result<Option<(Facts, Reading)>, DirectoryError> {
    let read = read::tenants(&mut reading.connection, reading.page);
    let tenants = in_time(reading.patience, read).await?;
    let last: Option<TenantId> = tenants.last().map(|tenant| tenant.id);
    let facts: Vec<_> = tenants.iter().flat_map(decide::snapshot).map(Ok).collect();
    Ok(last.map(|last| {
        reading.page = reading.page.after(last);
        (facts.into_iter(), reading)
    }))
}
