//! The file: how it is opened, what it contains, and how it says so.

use std::{path::Path, time::Duration};

use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{DirectoryError, forget::truncate_journal, unavailable};

/// Marks the file as a directory: `TDIR`.
const APPLICATION: i64 = 0x5444_4952;

/// The format this version writes. It brings files of those before to it.
const FORMAT: i64 = 4;

/// The format of files that knew no restores and no compaction.
const WITHOUT_HISTORY: i64 = 3;

/// The format of files that had no identity.
const WITHOUT_IDENTITY: i64 = 2;

/// The format whose files were not overwritten where something was deleted.
const WITH_TRACES: i64 = 1;

/// How long a writer waits for a lock of another process, and a caller for a connection.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

const READERS: u32 = 4;

/// A placement is its word; `cell.tenants` counts the living. The request and what it asked for stay with
/// the tenant so that it can be repeated, the latter only until the tenant is gone.
const TABLES: &str = "
create table cell (
    id integer primary key,
    region text not null,
    capacity integer not null,
    tenants integer not null default 0 check (tenants >= 0)
) strict;
create table tenant (
    id integer primary key,
    request text not null unique,
    wanted text,
    slug text unique,
    plan text not null,
    region text,
    placement integer not null,
    revision integer not null,
    created integer not null
) strict;
create table domain (
    name text primary key,
    tenant integer not null references tenant
) strict, without rowid;
create unique index domain_of_tenant on domain (tenant, name);
create table log (
    revision integer primary key,
    kind integer not null,
    tenant integer not null,
    word integer,
    name text
) strict;
pragma application_id = 0x54444952;
";

/// What format 2 adds to format 1: tenants that are forgotten, with the first and the last revision of what
/// the log said of their lives, so that nobody follows it from within.
const SINCE_2: &str = "
create table forgotten (
    tenant integer primary key references tenant,
    first integer not null,
    last integer not null
) strict;
create index forgotten_until on forgotten (last);
create index log_of_tenant on log (tenant);
pragma user_version = 2;
";

/// What format 3 adds: a name for this directory that no other has.
const SINCE_3: &str = "
create table identity (id text not null) strict;
insert into identity (id) values (lower(hex(randomblob(16))));
pragma user_version = 3;
";

/// What format 4 adds: how often the directory was restored, up to where the log was compacted, and when its entries were
/// written; those there count as written now.
const SINCE_4: &str = "
alter table identity add column incarnation integer not null default 0
    check (incarnation between 0 and 65535);
alter table identity add column floor integer not null default 0;
alter table log add column written integer not null default 0;
update log set written = unixepoch() * 1000000;
pragma user_version = 4;
";

pub(super) struct Files {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
    pub(super) read_options: SqliteConnectOptions,
}

pub(super) async fn open(path: &Path) -> Result<Files, DirectoryError> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .busy_timeout(PATIENCE);
    let write_options = options
        .clone()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("secure_delete", "on");
    let read_options = options.read_only(true);
    let writer = lasting_pool(1)
        .connect_with(write_options)
        .await
        .map_err(unavailable)?;
    prepare(&writer).await?;
    let readers = lasting_pool(READERS).connect_lazy_with(read_options.clone());
    Ok(Files {
        writer,
        readers,
        read_options,
    })
}

/// Connections to a file do not go stale.
fn lasting_pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// What a file says of itself: application, format, number of tables.
const IDENTITY: &str = "select (select application_id from pragma_application_id),
                (select user_version from pragma_user_version),
                (select count(*) from sqlite_schema)";

/// Makes the tables in an empty file, brings an older one up, and refuses what is no directory.
async fn prepare(writer: &SqlitePool) -> Result<(), DirectoryError> {
    // Before the file has its new format: if it ends in between, it is done again.
    clear_traces(writer).await?;
    let mut tx = writer
        .begin_with("begin immediate")
        .await
        .map_err(unavailable)?;
    let (application, found, tables): (i64, i64, i64) = sqlx::query_as(IDENTITY)
        .fetch_one(&mut *tx)
        .await
        .map_err(unavailable)?;
    let missing: &[&'static str] = match (application, found) {
        (APPLICATION, FORMAT) => &[],
        (APPLICATION, WITHOUT_HISTORY) => &[SINCE_4],
        (APPLICATION, WITHOUT_IDENTITY) => &[SINCE_3, SINCE_4],
        (APPLICATION, WITH_TRACES) => &[SINCE_2, SINCE_3, SINCE_4],
        (0, 0) if tables == 0 => &[TABLES, SINCE_2, SINCE_3, SINCE_4],
        _ => {
            return Err(DirectoryError::UnknownFormat {
                found,
                known: FORMAT,
            });
        }
    };
    for sql in missing.iter().copied() {
        sqlx::raw_sql(sql)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
    }
    tx.commit().await.map_err(unavailable)
}

/// Rewrites a file in which what was deleted is still there: without it, and the journal, too.
async fn clear_traces(writer: &SqlitePool) -> Result<(), DirectoryError> {
    let (application, found, _): (i64, i64, i64) = sqlx::query_as(IDENTITY)
        .fetch_one(writer)
        .await
        .map_err(unavailable)?;
    if (application, found) != (APPLICATION, WITH_TRACES) {
        return Ok(());
    }
    sqlx::query("vacuum")
        .execute(writer)
        .await
        .map_err(unavailable)?;
    truncate_journal(writer).await
}
