//! `&mut TenantTx` runs what `sqlx::query` and its macros make.

use std::{future::Future, time::Duration};

use async_stream::stream;
use futures_core::{future::BoxFuture, stream::BoxStream};
use futures_util::StreamExt as _;
use sqlx::{
    Describe, Either, Error, Execute, Executor, Postgres, SqlStr,
    postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
    query::Query,
};

use super::lease::PgLease;
use crate::{
    Access,
    db::{DbError, SqlRefused, TenantTx, explain::explain, sql},
};

/// For queries that are checked when they are compiled, and for what `TenantTx::sql` does not do: rows as
/// they come, types of Postgres alone.
///
/// A text is checked as that of [`sql`](TenantTx::sql). One without arguments that is not prepared
/// (`raw_sql`, or a plain `&str`) is refused, because it may hold more than one statement. What the database
/// says is sqlx's own error; what this crate says comes as [`DbError`], which
/// [`DbError::from_sqlx`] finds again.
///
/// # Cancel safety
/// As [`TenantTx`]: a stream that is dropped before its end fails the transaction and closes its connection.
///
/// A stream that nobody polls keeps its connection, and a writer's lock, beyond the cell's maximum age: read
/// it to its end or drop it, and do not send the rows of a write transaction to a slow client as they come.
impl<'c, A: Access> Executor<'c> for &'c mut TenantTx<Postgres, A> {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(stream! {
            let (asked, mut lease) = match self.ask(query).await {
                Ok(begun) => begun,
                Err(error) => {
                    yield Err(error);
                    return;
                }
            };
            let (name, limit) = (asked.sql.clone(), self.patience());
            let mut failed = None;
            {
                let mut answers = lease.connection().fetch_many(asked.into_query());
                loop {
                    match in_time(answers.next(), &name, limit).await {
                        Ok(Some(Ok(answer))) => yield Ok(answer),
                        Ok(Some(Err(error))) => failed = Some(error),
                        Ok(None) => break,
                        Err(late) => {
                            yield Err(late.into());
                            return;
                        }
                    }
                }
            }
            if let Err(error) = self.end(lease, failed.map_or(Ok(()), Err)) {
                yield Err(error);
            }
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            let (asked, mut lease) = self.ask(query).await?;
            let (name, limit) = (asked.sql.clone(), self.patience());
            let row = lease.connection().fetch_optional(asked.into_query());
            let row = in_time(row, &name, limit).await?;
            self.end(lease, row)
        })
    }

    fn prepare_with<'e>(
        self,
        text: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            check(&text)?;
            let mut lease = self.lease().await?;
            let (name, limit) = (text.clone(), self.patience());
            let statement = lease.connection().prepare_with(text, parameters);
            let statement = in_time(statement, &name, limit).await?;
            self.end(lease, statement)
        })
    }

    fn describe<'e>(self, text: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            check(&text)?;
            let mut lease = self.lease().await?;
            let (name, limit) = (text.clone(), self.patience());
            let described = lease.connection().describe(text);
            let described = in_time(described, &name, limit).await?;
            self.end(lease, described)
        })
    }
}

impl<A: Access> TenantTx<Postgres, A> {
    /// Looks at the text before it takes the connection: what is refused, fails nothing.
    async fn ask<'q>(
        &mut self,
        query: impl Execute<'q, Postgres>,
    ) -> Result<(Asked, PgLease), Error> {
        let asked = Asked::read(query)?;
        let lease = self.lease().await?;
        Ok((asked, lease))
    }

    /// Puts the connection back after work that ended like this.
    fn end<T>(&self, lease: PgLease, worked: Result<T, Error>) -> Result<T, Error> {
        self.settle(lease, &worked)?;
        worked
    }
}

/// A query, taken apart and checked.
struct Asked {
    sql: SqlStr,
    arguments: PgArguments,
    persistent: bool,
}

impl Asked {
    fn read<'q>(mut query: impl Execute<'q, Postgres>) -> Result<Self, Error> {
        let arguments = query.take_arguments().map_err(Error::Encode)?;
        let persistent = query.persistent();
        let sql = query.sql();
        let refused = |source| DbError::Refused {
            sql: sql.as_str().to_owned().into(),
            source,
        };
        let arguments = arguments.ok_or_else(|| refused(SqlRefused::NotPrepared))?;
        check(&sql)?;
        Ok(Self {
            sql,
            arguments,
            persistent,
        })
    }

    fn into_query(self) -> Query<'static, Postgres, PgArguments> {
        sqlx::query_with(self.sql, self.arguments).persistent(self.persistent)
    }
}

fn check(text: &SqlStr) -> Result<(), DbError> {
    sql::parameters(text.as_str()).map_err(|source| DbError::Refused {
        sql: text.as_str().to_owned().into(),
        source,
    })?;
    Ok(())
}

/// The database stops a statement itself; this is for one that does not answer any more.
async fn in_time<T>(
    work: impl Future<Output = T>,
    text: &SqlStr,
    limit: Duration,
) -> Result<T, DbError> {
    let late = |_| DbError::Timeout {
        sql: text.as_str().to_owned().into(),
        limit,
    };
    tokio::time::timeout(limit, work).await.map_err(late)
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Self {
        Self::AnyDriverError(Box::new(error))
    }
}

impl DbError {
    /// What an error of a query that ran on a [`TenantTx`] means: this crate's own error if it was one.
    #[must_use]
    pub fn from_sqlx(error: Error) -> Self {
        match error {
            Error::AnyDriverError(source) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::Statement {
                    sql: QUERY.into(),
                    source,
                },
            },
            Error::RowNotFound => Self::NoRow { sql: QUERY.into() },
            error => explain::<Postgres>(QUERY.into(), Duration::ZERO, error),
        }
    }
}

/// Sqlx's errors do not say which.
const QUERY: &str = "a query";
