use std::{borrow::Cow, future::Future, time::Duration};

use sqlx::{Database, Encode, FromRow, Type};
use tenancy_types::{Epoch, TenantId, WorkBudget};

use super::{
    DbError,
    error::Source,
    fence::{FenceSql, StoredFence, Value},
    reaper::Reaper,
};

/// A database that cells live in: SQLite and Postgres. Sealed.
///
/// The traits' methods are this crate's own business; what matters to callers is that
/// [`TenantTx`](super::TenantTx) works over both.
pub trait CellDatabase: Database + private::Driver {}

/// How a transaction is to begin.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    pub(super) tenant: TenantId,
    pub(super) epoch: Epoch,
    pub(super) budget: WorkBudget,
    pub(super) access: Mode,
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "SQLite's transactions have one level")
    )]
    pub(super) level: IsolationLevel,
    /// The cell, as the request was routed to it.
    #[cfg(feature = "postgres")]
    pub(super) cell: tenancy_types::CellId,
    /// What a reader has seen that may be answered by a replica.
    #[cfg(feature = "postgres")]
    pub(super) seen: Option<crate::protocol::Position>,
}

/// How much a transaction sees of what others commit while it runs (SQL:2016, 4.41.4). SQLite's are always
/// serializable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsolationLevel {
    /// Each statement sees what was committed before it.
    ReadCommitted,
    /// One snapshot for all statements. A write to a row that has changed since fails with
    /// [`DbError::Conflict`].
    RepeatableRead,
    /// As if it ran alone, or it fails with [`DbError::Conflict`].
    Serializable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
}

/// Why a transaction was not entered; nothing was done.
#[derive(Debug)]
pub enum NotEntered {
    /// Its connection had died.
    Lost(DbError),
    /// Whatever else; another connection would change nothing.
    Refused(DbError),
}

impl NotEntered {
    pub(super) fn into_error(self) -> DbError {
        match self {
            Self::Lost(error) | Self::Refused(error) => error,
        }
    }
}

/// Reads the rows that a statement answered.
pub(super) fn decode<D: Database, R>(rows: &[D::Row]) -> Result<Vec<R>, sqlx::Error>
where
    R: for<'r> FromRow<'r, D::Row>,
{
    rows.iter().map(R::from_row).collect()
}

pub(super) mod private {
    use super::{
        Cow, Database, DbError, Duration, Encode, FenceSql, FromRow, Future, NotEntered, Opening,
        Reaper, Source, StoredFence, TenantId, Type, Value,
    };

    /// What [`TenantTx`](crate::db::TenantTx) needs of a database.
    pub trait Driver: Database + Sized {
        /// The cell that hands out connections. Cheap to clone.
        type Cell: Clone + Send + Sync + 'static;

        /// A connection inside a tenant's transaction. **Dropping it closes the connection**, which rolls
        /// back; only [`commit`](Self::commit) and [`rollback`](Self::rollback) give it back to be used
        /// again. So a future that is dropped anywhere leaves nothing behind.
        type Lease: Send + 'static;

        /// How long the client gives the server beyond a statement's own timeout.
        const GRACE: Duration;

        /// The statements of the table of fences.
        const FENCES: FenceSql;

        /// Who ends the cell's transactions that grow too old.
        fn reaper(cell: &Self::Cell) -> &Reaper;

        /// A connection of the tenant's share, if one is there that nobody has to wait for.
        fn lease_at_once(cell: &Self::Cell, opening: Opening) -> Option<Self::Lease>;

        /// Waits for a connection of the tenant's share.
        fn lease(
            cell: Self::Cell,
            opening: Opening,
        ) -> impl Future<Output = Result<Self::Lease, DbError>> + Send + 'static;

        /// Begins the transaction, sets the tenant and asks the fence.
        fn enter(
            cell: Self::Cell,
            lease: Self::Lease,
            opening: Opening,
        ) -> impl Future<Output = Result<Self::Lease, NotEntered>> + Send + 'static;

        /// Commits, if the transaction is still the tenant's.
        fn commit(
            lease: Self::Lease,
            opening: Opening,
        ) -> impl Future<Output = Result<(), DbError>> + Send + 'static;

        /// Rolls back. That the connection cannot is no error: it is closed instead.
        fn rollback(lease: Self::Lease) -> impl Future<Output = ()> + Send + 'static;

        /// A connection of the platform's own, outside any tenant's transaction.
        fn platform(cell: &Self::Cell)
        -> impl Future<Output = Result<Self::Lease, DbError>> + Send;

        /// A connection of the platform's own that changes a tenant's fence while the tenant has no open
        /// write transaction: waits for those there are. [`conclude`](Self::conclude) commits and gives it
        /// back.
        fn alone(
            cell: &Self::Cell,
            tenant: TenantId,
        ) -> impl Future<Output = Result<Self::Lease, DbError>> + Send;

        /// A connection of the platform's own that changes a tenant's fence without asking who writes, and
        /// waits so long at most for whoever holds the fence itself. [`conclude`](Self::conclude) commits and
        /// gives it back.
        fn beside(
            cell: &Self::Cell,
            tenant: TenantId,
            wait: Duration,
        ) -> impl Future<Output = Result<Self::Lease, DbError>> + Send;

        /// Commits what was done [alone](Self::alone) or [beside](Self::beside) writers.
        fn conclude(lease: Self::Lease) -> impl Future<Output = Result<(), DbError>> + Send;

        /// A connection in a transaction that reads the rows of all tenants and writes nothing; ended by
        /// [`rollback`](Self::rollback).
        fn survey(
            cell: &Self::Cell,
            limit: Duration,
        ) -> impl Future<Output = Result<Self::Lease, DbError>> + Send;

        /// Gives back a connection that is in no transaction.
        fn release(lease: Self::Lease);

        fn fences(
            lease: &mut Self::Lease,
            sql: &'static str,
            values: &[Value],
        ) -> impl Future<Output = Result<Vec<StoredFence>, DbError>> + Send;

        /// The database's time, in microseconds since 1970.
        fn clock(lease: &mut Self::Lease) -> impl Future<Output = Result<i64, DbError>> + Send;

        fn bind<T>(arguments: &mut Self::Arguments, value: T) -> Result<(), Source>
        where
            T: for<'q> Encode<'q, Self> + Type<Self>;

        fn rows(
            lease: &mut Self::Lease,
            sql: Cow<'static, str>,
            arguments: Self::Arguments,
        ) -> impl Future<Output = Result<Vec<Self::Row>, sqlx::Error>> + Send;

        fn all<R>(
            lease: &mut Self::Lease,
            sql: Cow<'static, str>,
            arguments: Self::Arguments,
        ) -> impl Future<Output = Result<Vec<R>, sqlx::Error>> + Send
        where
            R: for<'r> FromRow<'r, Self::Row> + Send;

        fn run(
            lease: &mut Self::Lease,
            sql: Cow<'static, str>,
            arguments: Self::Arguments,
        ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;

        /// Takes note of what ran on the connection and is over.
        fn hear<T>(lease: &mut Self::Lease, answer: &Result<T, sqlx::Error>) {
            match answer {
                Ok(_) => Self::rests(lease),
                Err(error) => Self::learn(lease, error),
            }
        }

        /// Takes note that nothing runs on the connection any more.
        fn rests(lease: &mut Self::Lease);

        /// Takes note of an error of what ran on the connection, which may say something about the others.
        fn learn(lease: &mut Self::Lease, error: &sqlx::Error);

        /// Whether the error says that the statement ran too long.
        fn is_timeout(error: &dyn sqlx::error::DatabaseError) -> bool;

        /// Whether the error says that the transaction would not have been alone, and may be tried again.
        fn is_conflict(error: &dyn sqlx::error::DatabaseError) -> bool;

        /// Whether the error says that a lock was not given up in time.
        fn is_locked(error: &dyn sqlx::error::DatabaseError) -> bool;

        /// Whether the error says that a row is not the tenant's.
        fn is_foreign_row(error: &dyn sqlx::error::DatabaseError) -> bool;

        /// Whether the error is the last word of a server that ends the connection.
        fn is_lost(error: &dyn sqlx::error::DatabaseError) -> bool;

        /// Whether the error says that the database has no room, no memory, or a disk that fails.
        fn is_exhausted(error: &dyn sqlx::error::DatabaseError) -> bool;

        /// Whether the error says that a row, or a value of it, is longer than the database can keep.
        fn is_too_long(error: &dyn sqlx::error::DatabaseError) -> bool;
    }
}

/// Implements what both databases do with the same words. `$connection` leads from a lease to a connection,
/// `$names` says how it remembers statements.
macro_rules! statements {
    ($connection:expr, $names:expr) => {
        fn bind<T>(arguments: &mut Self::Arguments, value: T) -> Result<(), Source>
        where
            T: for<'q> Encode<'q, Self> + Type<Self>,
        {
            sqlx::Arguments::add(arguments, value)
        }

        async fn rows(
            lease: &mut Self::Lease,
            sql: Cow<'static, str>,
            arguments: Self::Arguments,
        ) -> Result<Vec<Self::Row>, sqlx::Error> {
            // What is made up at run time would crowd the statements of the application out of the cache.
            let kept = matches!(sql, Cow::Borrowed(_)) && $names(lease) == Statements::Named;
            sqlx::query_with(AssertSqlSafe(sql), arguments)
                .persistent(kept)
                .fetch_all($connection(lease))
                .await
        }

        async fn all<R>(
            lease: &mut Self::Lease,
            sql: Cow<'static, str>,
            arguments: Self::Arguments,
        ) -> Result<Vec<R>, sqlx::Error>
        where
            R: for<'r> FromRow<'r, Self::Row> + Send,
        {
            let rows = Self::rows(lease, sql, arguments).await?;
            $crate::db::database::decode::<Self, R>(&rows)
        }

        async fn run(
            lease: &mut Self::Lease,
            sql: Cow<'static, str>,
            arguments: Self::Arguments,
        ) -> Result<u64, sqlx::Error> {
            let kept = matches!(sql, Cow::Borrowed(_)) && $names(lease) == Statements::Named;
            let done = sqlx::query_with(AssertSqlSafe(sql), arguments)
                .persistent(kept)
                .execute($connection(lease))
                .await?;
            Ok(done.rows_affected())
        }

        async fn fences(
            lease: &mut Self::Lease,
            sql: &'static str,
            values: &[Value],
        ) -> Result<Vec<StoredFence>, DbError> {
            let mut arguments = Self::Arguments::default();
            for value in values {
                match *value {
                    Value::Int(number) => Self::bind(&mut arguments, number),
                    Value::Text(name) => Self::bind(&mut arguments, name),
                }
                .map_err(|source| DbError::Encode {
                    sql: sql.into(),
                    source,
                })?;
            }
            let rows = Self::all(lease, sql.into(), arguments).await;
            Self::hear(lease, &rows);
            rows.map_err(|error| DbError::of_waiting::<Self>(sql.into(), error))
        }

        async fn clock(lease: &mut Self::Lease) -> Result<i64, DbError> {
            let sql: Cow<'static, str> = format!("SELECT {}", Self::FENCES.clock).into();
            let rows = Self::rows(lease, sql.clone(), Self::Arguments::default()).await;
            Self::hear(lease, &rows);
            let now = rows.and_then(|rows| {
                let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
                sqlx::Row::try_get(row, 0)
            });
            now.map_err(|error| DbError::of_waiting::<Self>(sql, error))
        }
    };
}
pub(super) use statements;
