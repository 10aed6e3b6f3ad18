use sqlx::PgConnection;
use tenancy_types::{LogEntry, Position, UnixMicros};

use super::{
    super::event::{self, EventRow},
    DirectoryError, Lag,
    row::{self, ExtentRow},
    unavailable,
};

pub(super) async fn append(
    tx: &mut PgConnection,
    entries: &[LogEntry],
) -> Result<(), DirectoryError> {
    let (mut revisions, mut kinds, mut tenants) = (Vec::new(), Vec::new(), Vec::new());
    let (mut words, mut names) = (Vec::new(), Vec::new());
    for entry in entries {
        let (kind, word, name) = event::encode(&entry.event);
        revisions.push(row::stored_revision(entry.revision));
        kinds.push(kind);
        tenants.push(entry.event.tenant().as_i64());
        words.push(word);
        names.push(name);
    }
    sqlx::query(
        "insert into log (revision, kind, tenant, word, name)
         select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[])",
    )
    .bind(revisions)
    .bind(kinds)
    .bind(tenants)
    .bind(words)
    .bind(names)
    .execute(tx)
    .await
    .map_err(unavailable)?;
    Ok(())
}

/// The log's extent, whether it has a gap for the follower, and perhaps an entry.
type ReadRow = (
    String,
    i64,
    i64,
    i64,
    bool,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

/// One statement sees one moment: entries and what the log says of itself fit together.
const READ: &str = "
select h.id, h.incarnation::bigint, h.floor, h.newest,
       exists (select from forgotten where last > $1 and first <= $1),
       l.revision, l.kind::bigint, l.tenant, l.word, l.name
from head h
left join lateral (
    select * from log where log.revision > $1 order by log.revision limit $2
) l on true
order by l.revision";

pub(super) async fn read(
    connection: &mut PgConnection,
    after: Position,
    limit: usize,
) -> Result<Vec<LogEntry>, DirectoryError> {
    let rows: Vec<ReadRow> = sqlx::query_as(READ)
        .bind(row::stored_revision(after.revision))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await
        .map_err(unavailable)?;
    let mut entries = Vec::with_capacity(rows.len());
    for (id, incarnation, floor, newest, is_gap, revision, kind, tenant, word, name) in rows {
        if entries.is_empty() {
            let found: ExtentRow = (id, incarnation, floor, newest);
            let extent = row::extent(found)?;
            extent.check(after)?;
            if is_gap {
                return Err(extent.gap(after));
            }
        }
        if let (Some(revision), Some(kind), Some(tenant)) = (revision, kind, tenant) {
            let entry: EventRow = (revision, kind, tenant, word, name);
            entries.push(event::decode(entry)?);
        }
    }
    Ok(entries)
}

/// When the first entry behind a follower was written and what time it is, both on the server's clock, which all
/// processes share.
const OLDEST: &str = "
select id, incarnation::bigint, floor, newest,
       exists (select from forgotten where last > $1 and first <= $1),
       (select (extract(epoch from written) * 1000000)::bigint
        from log where revision > $1 order by revision limit 1),
       (extract(epoch from clock_timestamp()) * 1000000)::bigint
from head";

type OldestRow = (String, i64, i64, i64, bool, Option<i64>, i64);

pub(super) async fn lag(
    connection: &mut PgConnection,
    after: Position,
) -> Result<Lag, DirectoryError> {
    let found: OldestRow = sqlx::query_as(OLDEST)
        .bind(row::stored_revision(after.revision))
        .fetch_one(connection)
        .await
        .map_err(unavailable)?;
    let (id, incarnation, floor, newest, is_gap, oldest, now) = found;
    let extent = row::extent((id, incarnation, floor, newest))?;
    extent.check(after)?;
    if is_gap {
        return Err(extent.gap(after));
    }
    Ok(extent.lag(after, oldest.map(UnixMicros::new), UnixMicros::new(now)))
}
