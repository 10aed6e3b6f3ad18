//! The control database: answers by idempotency key and the audit log.

use std::path::Path;

use sqlx::{
    SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tenancy_migrate::{Schema, Version, upgrade_sqlite};
use tenancy_types::SystemClock;

use super::OpenError;

/// What was there before versions were counted is made only where it is missing.
const ANSWERS: &str = "create table if not exists idempotency (
        key text primary key, fingerprint blob not null, status integer not null, body text not null,
        created integer not null
    ) strict, without rowid;
    create index if not exists idempotency_created on idempotency (created)";

/// Whose answer it is, so that it goes when the tenant's data goes.
const OWNED_ANSWERS: &str = "alter table idempotency add column tenant_id integer;
    update idempotency set tenant_id = json_extract(body, '$.tenant_id') where status = 201;
    create index idempotency_tenant on idempotency (tenant_id)";

const AUDIT: &str = "create table audit (
        seq integer primary key autoincrement, at integer not null, operator text not null,
        action text not null, tenant_id integer, detail text not null, status integer
    ) strict;
    create index audit_tenant on audit (tenant_id, seq)";

/// Until when an undo is possible. Times are microseconds since 1970.
const OFFBOARDING: &str = "create table offboarding (
        tenant_id integer primary key, asked_at integer not null, purge_after integer not null
    ) strict;
    create index offboarding_purge on offboarding (purge_after)";

/// Opens the control database of the data folder and brings it to the newest version.
pub(super) async fn open(folder: &Path) -> Result<SqlitePool, OpenError> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("control.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An answer that was sent must be found again after a power failure.
        .synchronous(SqliteSynchronous::Full)
        // What a purge deletes must not be left in free pages.
        .pragma("secure_delete", "on");
    upgrade_sqlite(&schema(), &options, &SystemClock)
        .await
        .map_err(|error| OpenError::Control(error.into()))?;
    SqlitePoolOptions::new()
        .max_connections(1)
        .connect_with(options)
        .await
        .map_err(|error| OpenError::Control(error.into()))
}

/// Takes what was deleted out of the write-ahead log, too.
///
/// # Errors
/// [`LogInUse`](TruncateError::LogInUse) when somebody, such as a tool at the file, reads an older state of it.
pub(super) async fn truncate_log(control: &SqlitePool) -> Result<(), TruncateError> {
    let mut connection = control.acquire().await?;
    let busy = truncate(&mut connection).await;
    if busy.is_err() {
        // Its short patience goes with it.
        connection.close_on_drop();
    }
    if busy? == 0 {
        Ok(())
    } else {
        Err(TruncateError::LogInUse)
    }
}

/// How long the log waits for readers. The only connection waits meanwhile, and with it every operator.
const LOG_PATIENCE: &str = "pragma busy_timeout = 100";

/// What every other statement waits for locks: as long as sqlx says.
const PATIENCE: &str = "pragma busy_timeout = 5000";

/// 0, or what SQLite says when readers were in the way.
async fn truncate(control: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    sqlx::query(LOG_PATIENCE).execute(&mut *control).await?;
    let busy = sqlx::query_scalar("pragma wal_checkpoint(truncate)");
    let busy = busy.fetch_one(&mut *control).await?;
    sqlx::query(PATIENCE).execute(control).await?;
    Ok(busy)
}

/// Why the control database still has in its log what was deleted.
#[derive(Debug, thiserror::Error)]
pub(super) enum TruncateError {
    /// It will be free another time.
    #[error("an older state of the control database is being read")]
    LogInUse,
    /// The database failed.
    #[error("truncate the log of the control database")]
    Database(#[from] sqlx::Error),
}

fn schema() -> Schema {
    let versions = [
        Version::new(1, "0001-answers", ANSWERS),
        Version::new(2, "0002-owned-answers", OWNED_ANSWERS),
        Version::new(3, "0003-audit", AUDIT),
        Version::new(4, "0004-offboarding", OFFBOARDING),
    ];
    Schema::new(versions).expect("the versions are numbered in order and named")
}
