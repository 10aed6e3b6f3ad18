//! What the server's errors say: about the statement, about the connection, and about a commit.

use std::io;

use sqlx::{Postgres, error::DatabaseError, postgres::PgDatabaseError};

use super::guard::LOCK_NOT_AVAILABLE;
use crate::{
    db::{DbError, database::NotEntered},
    isolation::sqlstate::{NOT_OURS, SEAL_EXPIRED, SEAL_INVALID, SEAL_REPLAYED},
};

// Postgres, "PostgreSQL Error Codes" (appendix A of its documentation).
const QUERY_CANCELED: &str = "57014";
const INSUFFICIENT_PRIVILEGE: &str = "42501";
const CONNECTION: &str = "08";
/// The server stops, has crashed, or starts; or it ended a transaction in which nothing went on.
const GOING_AWAY: [&str; 4] = ["57P01", "57P02", "57P03", "25P03"];
/// There is no prepared statement of that name, or there is one.
const OTHER_SESSIONS: [&str; 2] = ["26000", "42P05"];
/// A transaction that was not alone, or a deadlock.
const CONFLICTS: [&str; 2] = ["40001", "40P01"];

/// The seal, or the setting that stands for it, is forged, expired or replayed.
const SEALS: [&str; 3] = [SEAL_INVALID, SEAL_EXPIRED, SEAL_REPLAYED];

pub(super) fn is_timeout(refusal: &dyn DatabaseError) -> bool {
    has_code(refusal, &[QUERY_CANCELED])
}

pub(super) fn is_conflict(refusal: &dyn DatabaseError) -> bool {
    is_stale_plan(refusal) || has_code(refusal, &CONFLICTS)
}

pub(super) fn is_locked(refusal: &dyn DatabaseError) -> bool {
    has_code(refusal, &[LOCK_NOT_AVAILABLE])
}

pub(super) fn is_foreign_row(refusal: &dyn DatabaseError) -> bool {
    has_code(refusal, &[INSUFFICIENT_PRIVILEGE]) || has_code(refusal, &SEALS)
}

/// The server ends the connection.
pub(super) fn is_last_word(refusal: &dyn DatabaseError) -> bool {
    has_code(refusal, &GOING_AWAY)
        || refusal
            .code()
            .is_some_and(|code| code.starts_with(CONNECTION))
}

fn has_code(refusal: &dyn DatabaseError, codes: &[&str]) -> bool {
    refusal.code().is_some_and(|code| codes.contains(&&*code))
}

/// What an earlier message prepared is not there, or what this one prepares is: messages of one connection reach
/// sessions that others use as well.
pub(super) fn is_another_session(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(refusal) if has_code(&**refusal, &OTHER_SESSIONS))
}

/// A prepared statement has another shape than it had, because a table was changed. Its code (0A000) means
/// other things as well, and its message is translated; where the server raised it is not.
pub(super) fn is_stale_plan(error: &dyn DatabaseError) -> bool {
    error
        .try_downcast_ref::<PgDatabaseError>()
        .is_some_and(|error| error.routine() == Some("RevalidateCachedQuery"))
}

fn is_silence(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// The connection is gone, and what it was asked last may have been done or not.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(refusal) => is_last_word(&**refusal),
        _ => false,
    }
}

pub(super) fn is_not_ours(refusal: &dyn DatabaseError) -> bool {
    has_code(refusal, &[NOT_OURS]) || has_code(refusal, &SEALS)
}

/// The guard did not answer.
pub(super) fn unentered(error: sqlx::Error) -> NotEntered {
    match &error {
        sqlx::Error::Database(refusal) if has_code(&**refusal, &SEALS) => {
            NotEntered::Refused(DbError::SealRefused {
                source: error.into(),
            })
        }
        // Under one snapshot, the fence was changed since it was taken.
        sqlx::Error::Database(refusal) if is_conflict(&**refusal) => {
            NotEntered::Refused(DbError::Conflict {
                source: error.into(),
            })
        }
        _ => {
            let died = is_lost(&error) && !is_silence(&error);
            let error = DbError::of_driver::<Postgres>("begin".into(), error);
            if died {
                NotEntered::Lost(error)
            } else {
                NotEntered::Refused(error)
            }
        }
    }
}

/// A refusal is an answer: nothing was committed. What a server, or a pooler before it, says of a lost
/// connection is none.
pub(super) fn uncommitted(error: sqlx::Error) -> DbError {
    match error {
        error if is_lost(&error) => DbError::CommitUnknown {
            source: error.into(),
        },
        sqlx::Error::Database(refusal) if is_conflict(&*refusal) => DbError::Conflict {
            source: Box::new(sqlx::Error::Database(refusal)),
        },
        sqlx::Error::Database(_) => DbError::of_driver::<Postgres>("commit".into(), error),
        error => DbError::CommitUnknown {
            source: error.into(),
        },
    }
}
