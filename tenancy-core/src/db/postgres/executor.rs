//! `&mut TenantTx` runs what `sqlx::query` and its macros make.

use std::{future::Future, time::Duration};

use async_stream::stream;
use futures_core::{Stream, future::BoxFuture, stream::BoxStream};
use futures_util::StreamExt as _;
use sqlx::{
    Describe, Either, Error, Execute, Executor, Postgres, SqlStr,
    postgres::{PgArguments, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
    query::Query,
};

use super::lease::PgLease;
use crate::{
    Access,
    db::{
        DbError, SqlRefused, Statements, TenantTx,
        database::private::Driver as _,
        explain::explain,
        sql,
        state::{Expired, Held, hold},
    },
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
/// One that nobody polls, such as the rows of a client that does not read on, is ended at the cell's maximum
/// age, and then says [`DbError::TooOld`].
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
            let (asked, lease) = match self.ask(query).await {
                Ok(begun) => begun,
                Err(error) => {
                    yield Err(error);
                    return;
                }
            };
            let name = asked.sql.clone();
            let mut steps = Held::steps(self.shared(), steps(asked, lease, self.patience()));
            loop {
                match steps.next().await {
                    Ok(Some(Step::Answer(answer))) => yield Ok(answer),
                    Ok(Some(Step::End(lease, worked))) => {
                        drop(steps);
                        if let Err(error) = self.end(lease, &name, worked) {
                            yield Err(error);
                        }
                        return;
                    }
                    Ok(Some(Step::Late(error))) => {
                        yield Err(error.into());
                        return;
                    }
                    Ok(None) => return,
                    Err(Expired) => {
                        yield Err(self.too_old().into());
                        return;
                    }
                }
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
            let name = asked.sql.clone();
            self.work(name, async move {
                let query = asked.into_query(lease.statements());
                let row = lease.connection().fetch_optional(query).await;
                (lease, row)
            })
            .await
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
            let (mut lease, parameters) = (self.lease().await?, parameters.to_vec());
            self.work(text.clone(), async move {
                let statement = lease.connection().prepare_with(text, &parameters).await;
                (lease, statement)
            })
            .await
        })
    }

    fn describe<'e>(self, text: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            check(&text)?;
            let mut lease = self.lease().await?;
            self.work(text.clone(), async move {
                let described = lease.connection().describe(text).await;
                (lease, described)
            })
            .await
        })
    }
}

/// What comes of a statement whose rows are taken one by one.
enum Step {
    Answer(Either<PgQueryResult, PgRow>),
    End(PgLease, Result<(), Error>),
    /// The server does not answer any more.
    Late(DbError),
}

/// Runs a statement. It owns the connection until its end.
fn steps(asked: Asked, mut lease: PgLease, limit: Duration) -> impl Stream<Item = Step> + Send {
    stream! {
        let name = asked.sql.clone();
        let mut worked = Ok(());
        {
            let query = asked.into_query(lease.statements());
            let mut answers = lease.connection().fetch_many(query);
            loop {
                match in_time(answers.next(), &name, limit).await {
                    Ok(Some(Ok(answer))) => yield Step::Answer(answer),
                    Ok(Some(Err(error))) => worked = Err(error),
                    Ok(None) => break,
                    Err(late) => {
                        yield Step::Late(late);
                        return;
                    }
                }
            }
        }
        yield Step::End(lease, worked);
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

    /// Work of one answer.
    async fn work<T: Send + 'static>(
        &self,
        text: SqlStr,
        work: impl Future<Output = (PgLease, Result<T, Error>)> + Send + 'static,
    ) -> Result<T, Error> {
        let working = hold(self.shared(), work).only();
        let worked = in_time(working, &text, self.patience()).await?;
        let (lease, answer) = worked.map_err(|Expired| self.too_old())?;
        self.end(lease, &text, answer)
    }

    /// Puts the connection back after work that ended like this.
    fn end<T>(&self, lease: PgLease, text: &SqlStr, worked: Result<T, Error>) -> Result<T, Error> {
        self.settle(lease, &worked)?;
        worked.map_err(|error| match &error {
            // Sqlx's error does not say how long it ran.
            Error::Database(refusal) if Postgres::is_timeout(&**refusal) => DbError::Timeout {
                sql: text.as_str().to_owned().into(),
                limit: self.statement_timeout(),
            }
            .into(),
            _ => error,
        })
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

    fn into_query(self, statements: Statements) -> Query<'static, Postgres, PgArguments> {
        let kept = self.persistent && statements == Statements::Named;
        sqlx::query_with(self.sql, self.arguments).persistent(kept)
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
            Error::Database(refusal) if Postgres::is_timeout(&*refusal) => Self::Statement {
                sql: QUERY.into(),
                source: refusal,
            },
            error => explain::<Postgres>(QUERY.into(), Duration::ZERO, error),
        }
    }
}

/// Sqlx's errors do not say which.
const QUERY: &str = "a query";
