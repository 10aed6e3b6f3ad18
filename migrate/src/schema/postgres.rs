use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection as _, Executor, PgConnection, error::DatabaseError,
    postgres::PgConnectOptions,
};
use tenancy_types::Clock;

use super::{
    Applied, Database, Schema, SchemaError, Upgrade,
    runner::{self, Connection, NewRow, READ_JOURNAL, StoredRow, WRITE_JOURNAL},
};

/// Brings a Postgres database to the newest version of the schema. Does nothing when it is there already.
///
/// Opens a connection of its own. Runners keep each other out by an advisory lock held for one transaction,
/// which works behind a connection pooler too; one waits up to 30 s for another. A statement of a version
/// waits at most 2 s for a lock, because every query that comes later queues behind one that waits.
///
/// # Errors
/// [`SchemaError`] says which version failed and why. The versions before it stay applied; call again to go
/// on from there, at [`Busy`](SchemaError::Busy) as often as it takes.
///
/// # Cancel safety
/// A dropped future leaves whole versions only; call again to go on from there.
pub async fn upgrade_postgres(
    schema: &Schema,
    options: &PgConnectOptions,
    clock: &impl Clock,
) -> Result<Upgrade, SchemaError> {
    let mut connection = runner::journal::<PgConnection, _>(options.connect().await)?;
    let upgrade = runner::upgrade(schema, &mut connection, clock).await;
    let closed = runner::journal::<PgConnection, _>(connection.close().await);
    let upgrade = upgrade?;
    closed?;
    Ok(upgrade)
}

/// What the journal of a Postgres database says, in order: for a program that may not change the schema, and looks
/// whether it is the one that it knows with [`Schema::pending`]. Opens a connection of its own, as a role that may
/// read the table `tenancy_schema_journal`.
///
/// # Errors
/// [`SchemaError::Database`], also when there is no journal; [`SchemaError::BadRow`].
///
/// # Cancel safety
/// Nothing is changed.
pub async fn applied_postgres(options: &PgConnectOptions) -> Result<Vec<Applied>, SchemaError> {
    let mut connection = runner::journal::<PgConnection, _>(options.connect().await)?;
    let rows = runner::journal::<PgConnection, _>(connection.rows().await)?;
    runner::journal::<PgConnection, _>(connection.close().await)?;
    rows.into_iter().map(runner::read).collect()
}

impl Connection for PgConnection {
    const DATABASE: Database = Database::Postgres;
    // Read committed whatever the database's default is: the journal must be read by a snapshot that is
    // taken after the lock, not before the wait for it. The two numbers spell "tenancy!"; locks of two
    // numbers are apart from those of one, which fences use.
    const BEGIN: &'static [&'static str] = &[
        "begin isolation level read committed",
        "set local lock_timeout = '30s'",
        "select pg_advisory_xact_lock(x'74656e61'::int, x'6e637921'::int)",
        "set local lock_timeout = '2s'",
    ];

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
        // lock_not_available and deadlock_detected.
        let code = error.as_database_error().and_then(DatabaseError::code);
        matches!(code.as_deref(), Some("55P03" | "40P01"))
    }
}
