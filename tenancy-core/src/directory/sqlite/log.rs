//! The change log as rows: a kind, the tenant, and either a placement's word or a name.

use sqlx::{SqliteConnection, SqlitePool};
use tenancy_types::{DirectoryEvent, LogEntry, Position, UnixMicros};

use super::{DirectoryError, corrupt, forget::is_gap, row, unavailable};

const PLACED: i64 = 1;
const PLAN_CHANGED: i64 = 2;
const SLUG_ADDED: i64 = 3;
const SLUG_REMOVED: i64 = 4;
const DOMAIN_ADDED: i64 = 5;
const DOMAIN_REMOVED: i64 = 6;

pub(super) async fn append(
    connection: &mut SqliteConnection,
    entry: &LogEntry,
    written: UnixMicros,
) -> Result<(), DirectoryError> {
    let (kind, word, name) = encode(&entry.event);
    sqlx::query(
        "insert into log (revision, kind, tenant, word, name, written)
         values (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(row::stored_revision(entry.revision))
    .bind(kind)
    .bind(entry.event.tenant().as_i64())
    .bind(word)
    .bind(name)
    .bind(written.get())
    .execute(connection)
    .await
    .map_err(unavailable)?;
    Ok(())
}

pub(super) async fn read(
    readers: &SqlitePool,
    after: Position,
    limit: usize,
) -> Result<Vec<LogEntry>, DirectoryError> {
    let rows: Vec<LogRow> = sqlx::query_as(
        "select revision, kind, tenant, word, name from log
         where revision > ?1 order by revision limit ?2",
    )
    .bind(row::stored_revision(after.revision))
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(readers)
    .await
    .map_err(unavailable)?;
    // Asked after the entries were read: who removes some in between makes a gap, never a silent hole.
    let is_gap = is_gap(readers, after.revision).await?;
    let extent = super::read::extent(readers).await?;
    extent.check(after)?;
    if is_gap {
        return Err(extent.gap(after));
    }
    rows.into_iter().map(decode).collect()
}

fn encode(event: &DirectoryEvent) -> (i64, Option<i64>, Option<&str>) {
    match event {
        DirectoryEvent::Placed { placement, .. } => {
            (PLACED, Some(placement.to_word().cast_signed()), None)
        }
        DirectoryEvent::PlanChanged { plan, .. } => (PLAN_CHANGED, None, Some(plan.as_str())),
        DirectoryEvent::SlugAdded { slug, .. } => (SLUG_ADDED, None, Some(slug.as_str())),
        DirectoryEvent::SlugRemoved { slug, .. } => (SLUG_REMOVED, None, Some(slug.as_str())),
        DirectoryEvent::DomainAdded { domain, .. } => (DOMAIN_ADDED, None, Some(domain.as_str())),
        DirectoryEvent::DomainRemoved { domain, .. } => {
            (DOMAIN_REMOVED, None, Some(domain.as_str()))
        }
    }
}

type LogRow = (i64, i64, i64, Option<i64>, Option<String>);

fn decode((revision, kind, tenant, word, name): LogRow) -> Result<LogEntry, DirectoryError> {
    let tenant = row::tenant_id(tenant)?;
    // An absent value is no valid one of any kind, so it needs no case of its own.
    let name = name.unwrap_or_default();
    let event = match kind {
        PLACED => DirectoryEvent::Placed {
            tenant,
            placement: row::placement(word.unwrap_or_default())?,
        },
        PLAN_CHANGED => DirectoryEvent::PlanChanged {
            tenant,
            plan: name.parse().map_err(corrupt("plan"))?,
        },
        SLUG_ADDED => DirectoryEvent::SlugAdded {
            slug: name.parse().map_err(corrupt("slug"))?,
            tenant,
        },
        SLUG_REMOVED => DirectoryEvent::SlugRemoved {
            slug: name.parse().map_err(corrupt("slug"))?,
            tenant,
        },
        DOMAIN_ADDED => DirectoryEvent::DomainAdded {
            domain: row::domain(&name)?,
            tenant,
        },
        DOMAIN_REMOVED => DirectoryEvent::DomainRemoved {
            domain: row::domain(&name)?,
            tenant,
        },
        kind => return Err(corrupt("kind of log entry")(format!("{kind} is none"))),
    };
    Ok(LogEntry {
        revision: row::revision(revision)?,
        event,
    })
}
