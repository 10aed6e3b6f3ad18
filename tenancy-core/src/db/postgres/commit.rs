//! The message that ends a tenant's transaction well, and what of its answer counts.

use futures_util::TryStreamExt as _;
use sqlx::{AssertSqlSafe, Either, Postgres, postgres::PgRow};

use super::{
    driver::answered,
    errors::unfinished,
    lease::PgLease,
    messages::{self, FORGET},
};
use crate::db::{
    DbError,
    database::{Opening, private::Driver as _},
};

/// Commands that have been answered when `COMMIT` has: the check before it, and itself.
const COMMITTED: u32 = 2;

/// Commits, and asks a question behind it. Its row is `None` without one, and when the commit was answered and the
/// question was not: what comes behind a commit changes nothing about it.
pub(super) async fn commit(
    mut lease: PgLease,
    opening: Opening,
    question: Option<&str>,
) -> Result<Option<PgRow>, DbError> {
    let commit = messages::commit(&lease, opening);
    let message = match question {
        Some(question) => format!("{commit}; {question}; {FORGET}"),
        None => format!("{commit}; {FORGET}"),
    };
    let mut done = 0;
    let answers = async {
        let mut answers = sqlx::raw_sql(AssertSqlSafe(message)).fetch_many(lease.connection());
        let mut last = None;
        while let Some(answer) = answers.try_next().await? {
            match answer {
                Either::Left(_) => done += 1,
                Either::Right(row) => last = Some(row),
            }
        }
        Ok(last)
    };
    let limit = opening.budget.statement_timeout;
    match answered(limit, answers).await {
        Ok(last) => {
            lease.keep();
            Ok(last.filter(|_| question.is_some()))
        }
        Err(error) => {
            Postgres::learn(&mut lease, &error);
            if done >= COMMITTED {
                return Ok(None);
            }
            Err(unfinished(limit, error))
        }
    }
}
