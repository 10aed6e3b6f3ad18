use std::future::Future;

use tenancy_types::Clock;

use super::{
    Applied, AppliedState, Checksum, Database, Schema, SchemaError, Version, error::Doing,
};

/// The version of a cell before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The version found; 0 in an empty cell.
    pub from: u32,
    /// The version now.
    pub to: u32,
}

/// Both databases understand it. Times are microseconds since 1970.
pub(super) const CREATE_JOURNAL: &str = "create table if not exists tenancy_schema_journal (
    version bigint primary key,
    name text not null,
    checksum text not null,
    state text not null check (state in ('intent', 'done')),
    started_at bigint not null,
    finished_at bigint
)";
pub(super) const READ_JOURNAL: &str =
    "select version, name, checksum, state from tenancy_schema_journal order by version";
pub(super) const WRITE_JOURNAL: &str = "insert into tenancy_schema_journal
    (version, name, checksum, state, started_at, finished_at) values ($1, $2, $3, $4, $5, $6)";

/// A row as the database gives it: version, name, checksum, state.
pub(super) type StoredRow = (i64, String, String, String);

/// A row to be written.
pub(super) struct NewRow<'v> {
    pub(super) version: i64,
    pub(super) name: &'v str,
    pub(super) checksum: Checksum,
    pub(super) state: &'static str,
    pub(super) started: i64,
    pub(super) finished: i64,
}

/// A connection of the runner's own. Dropping it ends its transaction, which is why a dropped upgrade leaves
/// nothing half done, and why it does not come from a pool.
pub(super) trait Connection: Send {
    const DATABASE: Database;
    /// Begins a transaction and waits until no other runner is in one.
    const BEGIN: &'static [&'static str];

    fn run(&mut self, sql: &str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    fn rows(&mut self) -> impl Future<Output = Result<Vec<StoredRow>, sqlx::Error>> + Send;
    fn write(&mut self, row: NewRow<'_>) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
    /// Whether a lock was not to be had in time.
    fn is_busy(error: &sqlx::Error) -> bool;
}

pub(super) async fn upgrade<C: Connection>(
    schema: &Schema,
    connection: &mut C,
    clock: &impl Clock,
) -> Result<Upgrade, SchemaError> {
    let mut from = None;
    loop {
        let started = clock.unix();
        for statement in C::BEGIN {
            journal::<C, _>(connection.run(statement).await)?;
        }
        journal::<C, _>(connection.run(CREATE_JOURNAL).await)?;
        let rows = journal::<C, _>(connection.rows().await)?;
        let rows = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let to = rows.last().map_or(0, |last| last.version);
        let from = *from.get_or_insert(to);
        if let [next, ..] = schema.pending(C::DATABASE, &rows)? {
            apply(connection, next).await?;
            let row = NewRow {
                version: next.number().into(),
                name: next.name(),
                checksum: next.checksum(C::DATABASE),
                state: AppliedState::Done.as_str(),
                started: started.get(),
                finished: clock.unix().get(),
            };
            journal::<C, _>(connection.write(row).await)?;
            journal::<C, _>(connection.run("commit").await)?;
            tracing::info!(
                version = next.number(),
                name = next.name(),
                "schema version applied"
            );
        } else {
            journal::<C, _>(connection.run("commit").await)?;
            return Ok(Upgrade { from, to });
        }
    }
}

/// Runs the text of a version and checks that it stayed in the transaction: a savepoint does not survive the
/// end of the transaction in which it was set.
async fn apply<C: Connection>(connection: &mut C, version: &Version) -> Result<(), SchemaError> {
    let number = version.number();
    journal::<C, _>(connection.run("savepoint tenancy_schema_version").await)?;
    let done = connection.run(version.sql(C::DATABASE)).await;
    done.map_err(|error| failure::<C>(Doing::Version(number), error))?;
    let stayed = connection
        .run("release savepoint tenancy_schema_version")
        .await;
    stayed.map_err(|source| SchemaError::LeftTransaction {
        version: number,
        source: source.into(),
    })
}

pub(super) fn read((stored, name, checksum, state): StoredRow) -> Result<Applied, SchemaError> {
    let bad = |what, found: &str| SchemaError::BadRow {
        version: stored,
        what,
        found: found.into(),
    };
    let version = u32::try_from(stored).map_err(|_| bad("version", &stored.to_string()))?;
    let state = match &*state {
        "done" => AppliedState::Done,
        "intent" => AppliedState::Intent,
        other => return Err(bad("state", other)),
    };
    Ok(Applied {
        version,
        name,
        checksum: Checksum::from_journal(&checksum),
        state,
    })
}

pub(super) fn journal<C: Connection, T>(result: Result<T, sqlx::Error>) -> Result<T, SchemaError> {
    result.map_err(|error| failure::<C>(Doing::Journal, error))
}

fn failure<C: Connection>(doing: Doing, error: sqlx::Error) -> SchemaError {
    let busy = C::is_busy(&error);
    let source = error.into();
    if busy {
        SchemaError::Busy { doing, source }
    } else {
        SchemaError::Database { doing, source }
    }
}
