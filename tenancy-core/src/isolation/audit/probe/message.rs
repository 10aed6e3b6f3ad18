//! Many statements in one message, without losing which of them the database refused.

use futures_util::StreamExt as _;
use sqlx::{AssertSqlSafe, PgConnection, error::DatabaseError};

use super::{
    canary,
    question::{Answer, Question, Who},
};
use crate::isolation::{Isolation, parts};

/// What statements of one message came to.
pub(super) struct Ran {
    /// How many rows each saw or changed, up to the one that was refused.
    pub(super) rows: Vec<u64>,
    pub(super) refusal: Option<Box<dyn DatabaseError>>,
}

pub(super) async fn run(connection: &mut PgConnection, sql: &str) -> Result<Ran, sqlx::Error> {
    let mut done = sqlx::raw_sql(AssertSqlSafe(sql)).execute_many(connection);
    let mut rows = Vec::new();
    while let Some(one) = done.next().await {
        match one {
            Ok(result) => rows.push(result.rows_affected()),
            Err(sqlx::Error::Database(refusal)) => {
                let refusal = Some(refusal);
                return Ok(Ran { rows, refusal });
            }
            Err(error) => return Err(error),
        }
    }
    let refusal = None;
    Ok(Ran { rows, refusal })
}

/// As [`run`], for what nothing is learnt from when it is refused.
pub(super) async fn all(connection: &mut PgConnection, sql: &str) -> Result<(), sqlx::Error> {
    match run(connection, sql).await?.refusal {
        None => Ok(()),
        Some(refusal) => Err(sqlx::Error::Database(refusal)),
    }
}

/// The statements that go with each question: three before it, two behind.
const STATEMENTS: usize = 6;
const PLACE: usize = 3;
const UNDO: &str = "ROLLBACK TO SAVEPOINT tenancy_probe; RELEASE SAVEPOINT tenancy_probe";

/// Asks in order. What one question changes is taken back before the next, so that they may stand in one message;
/// after a refusal, which ends a message, what is left of them stands in another.
pub(super) async fn answers(
    connection: &mut PgConnection,
    isolation: &Isolation,
    questions: &[Question],
) -> Result<Vec<Answer>, sqlx::Error> {
    let mut answers = Vec::with_capacity(questions.len());
    while answers.len() < questions.len() {
        let left = questions[answers.len()..].iter();
        let message: Vec<String> = left.map(|one| asked(isolation, one)).collect();
        let Ran { rows, refusal } = run(connection, &message.join(";")).await?;
        let seen = rows.iter().skip(PLACE).step_by(STATEMENTS);
        answers.extend(seen.map(|rows| Answer::Rows(*rows)));
        if let Some(refusal) = refusal {
            if rows.len() % STATEMENTS != PLACE {
                return Err(sqlx::Error::Database(refusal));
            }
            answers.push(Answer::Refused(
                refusal.code().unwrap_or_default().into_owned(),
            ));
            all(connection, UNDO).await?;
        }
    }
    Ok(answers)
}

fn asked(isolation: &Isolation, question: &Question) -> String {
    let app = isolation.roles().app();
    let (tenant, role) = match question.who {
        Who::Prober => ("''".to_owned(), "NONE".to_owned()),
        Who::Nobody => ("''".to_owned(), format!("\"{app}\"")),
        Who::First => {
            let setting = parts::setting(isolation.mode(), &canary::FIRST.to_string());
            (format!("({setting})"), format!("\"{app}\""))
        }
    };
    format!(
        "SAVEPOINT tenancy_probe; SELECT set_config('app.tenant_id', {tenant}, true);
        SET LOCAL ROLE {role}; {}; {UNDO}",
        question.sql
    )
}
