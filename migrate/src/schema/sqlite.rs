use std::time::Duration;

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, Executor, SqliteConnection,
    error::DatabaseError, sqlite::SqliteConnectOptions,
};
use tenancy_types::Clock;

use super::{
    Database, Schema, SchemaError, Upgrade,
    runner::{self, Connection, NewRow, READ_JOURNAL, StoredRow, WRITE_JOURNAL},
};

/// How long to wait for another runner or a writer of the application.
const LOCK_WAIT: Duration = Duration::from_secs(30);

/// Brings a SQLite file to the newest version of the schema. Does nothing when it is there already.
///
/// Opens a connection of its own to the file that `options` name (an in-memory database would be another
/// one) and waits up to 30 s for other writers. Call it before the application opens its pools.
///
/// # Errors
/// [`SchemaError`] says which version failed and why. The versions before it stay applied; call again to go
/// on from there.
///
/// # Cancel safety
/// A dropped future leaves whole versions only; call again to go on from there.
pub async fn upgrade_sqlite(
    schema: &Schema,
    options: &SqliteConnectOptions,
    clock: &impl Clock,
) -> Result<Upgrade, SchemaError> {
    let options = options.clone().busy_timeout(LOCK_WAIT);
    let mut connection = runner::journal::<SqliteConnection, _>(options.connect().await)?;
    let upgrade = runner::upgrade(schema, &mut connection, clock).await;
    let closed = runner::journal::<SqliteConnection, _>(connection.close().await);
    let upgrade = upgrade?;
    closed?;
    Ok(upgrade)
}

impl Connection for SqliteConnection {
    const DATABASE: Database = Database::Sqlite;
    // A plain BEGIN takes the write lock at the first write only, and then fails when another writer came
    // in between, without waiting.
    const BEGIN: &'static [&'static str] = &["begin immediate"];

    async fn run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        // The text is the program's own: a statement of this crate or a version of its schema.
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.execute(sql).await.map(drop)
    }

    async fn rows(&mut self) -> Result<Vec<StoredRow>, sqlx::Error> {
        sqlx::query_as(READ_JOURNAL).fetch_all(self).await
    }

    async fn write(&mut self, row: NewRow<'_>) -> Result<(), sqlx::Error> {
        sqlx::query(WRITE_JOURNAL)
            .bind(row.version)
            .bind(row.name)
            .bind(row.checksum.as_str())
            .bind(row.state)
            .bind(row.started)
            .bind(row.finished)
            .execute(self)
            .await
            .map(drop)
    }

    fn is_busy(error: &sqlx::Error) -> bool {
        // The primary codes SQLITE_BUSY and SQLITE_LOCKED are the low byte of the extended ones.
        let code = error.as_database_error().and_then(DatabaseError::code);
        code.as_deref()
            .and_then(|code| code.parse::<u32>().ok())
            .is_some_and(|code| matches!(code & 0xff, 5 | 6))
    }
}
