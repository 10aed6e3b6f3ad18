//! What the server's errors say: about the statement, about the connection, and about a commit.

use std::{io, time::Duration};

use sqlx::{
    Postgres,
    error::DatabaseError,
    postgres::{PgDatabaseError, PgSeverity},
};

use super::guard::LOCK_NOT_AVAILABLE;
use crate::{
    db::{DbError, database::NotEntered, explain::explain},
    isolation::sqlstate::{NOT_OURS, SEAL_EXPIRED, SEAL_INVALID, SEAL_REPLAYED},
};

// Postgres, "PostgreSQL Error Codes" (appendix A of its documentation).
const QUERY_CANCELED: &str = "57014";
const INSUFFICIENT_PRIVILEGE: &str = "42501";
const CONNECTION: &str = "08";
/// The server ended a transaction in which nothing went on, or that was open for too long by its own setting.
const ENDED: [&str; 2] = ["25P03", "25P04"];
/// The server has no more disk, memory or connections, or its disk does not answer.
const EXHAUSTED: [&str; 6] = ["53000", "53100", "53200", "53300", "58000", "58030"];
/// A transaction that writes, or that is serializable, cannot begin on a server that replays another's log; and
/// nothing is written there.
const OF_REPLICAS: [&str; 2] = ["0A000", "25006"];
/// A row, a value or an entry of an index has no room where it belongs.
const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
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
    let refused = has_code(refusal, &[INSUFFICIENT_PRIVILEGE]);
    (refused && routine(refusal) == Some("ExecWithCheckOptions")) || has_code(refusal, &SEALS)
}

/// The server, or a pooler before it, ends the connection: whatever the reason, its severity says so.
pub(super) fn is_last_word(refusal: &dyn DatabaseError) -> bool {
    let severity = refusal
        .try_downcast_ref::<PgDatabaseError>()
        .map(PgDatabaseError::severity);
    matches!(severity, Some(PgSeverity::Fatal | PgSeverity::Panic))
        || refusal
            .code()
            .is_some_and(|code| code.starts_with(CONNECTION))
}

pub(super) fn is_exhausted(refusal: &dyn DatabaseError) -> bool {
    has_code(refusal, &EXHAUSTED)
}

/// Instead of the answer to a message that begins a transaction: the server was demoted.
pub(super) fn is_of_replica(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(refusal)
        if has_code(&**refusal, &OF_REPLICAS) && !is_stale_plan(&**refusal))
}

pub(super) fn is_too_long(refusal: &dyn DatabaseError) -> bool {
    has_code(refusal, &[PROGRAM_LIMIT_EXCEEDED])
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
/// other things as well.
pub(super) fn is_stale_plan(refusal: &dyn DatabaseError) -> bool {
    routine(refusal) == Some("RevalidateCachedQuery")
}

/// Where the server raised it, which is not translated as its message is.
fn routine(refusal: &dyn DatabaseError) -> Option<&str> {
    refusal.try_downcast_ref::<PgDatabaseError>()?.routine()
}

/// Nothing was said in time, which may have its reason in this connection alone.
pub(super) fn is_silence(error: &sqlx::Error) -> bool {
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

/// The other connections are as dead as this one.
pub(super) fn is_lost_to_all(error: &sqlx::Error) -> bool {
    let alone = matches!(error, sqlx::Error::Database(refusal) if has_code(&**refusal, &ENDED));
    is_lost(error) && !is_silence(error) && !alone
}

fn is_not_ours(refusal: &dyn DatabaseError) -> bool {
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
        _ if is_another_session(&error) || is_of_replica(&error) => {
            NotEntered::Lost(DbError::Unreachable {
                source: error.into(),
            })
        }
        _ => {
            let died = is_lost(&error) && !is_silence(&error);
            // A limit that somebody else set, or whoever cancelled it: nothing was done yet.
            let error = DbError::of_waiting::<Postgres>("begin".into(), error);
            if died {
                NotEntered::Lost(error)
            } else {
                NotEntered::Refused(error)
            }
        }
    }
}

/// As [`uncommitted`], of a tenant's transaction.
pub(super) fn unfinished(limit: Duration, error: sqlx::Error) -> DbError {
    match &error {
        sqlx::Error::Database(refusal) if is_not_ours(&**refusal) => DbError::NotOurs,
        _ => uncommitted(limit, error),
    }
}

/// A refusal is an answer: nothing was committed. What a server, or a pooler before it, says of a lost
/// connection is none, unless it says that the transaction was ended before.
pub(super) fn uncommitted(limit: Duration, error: sqlx::Error) -> DbError {
    match &error {
        sqlx::Error::Database(refusal) if is_answer(&**refusal) => {
            explain::<Postgres>("commit".into(), limit, error)
        }
        _ => DbError::CommitUnknown {
            source: error.into(),
        },
    }
}

fn is_answer(refusal: &dyn DatabaseError) -> bool {
    !is_last_word(refusal) || is_conflict(refusal) || has_code(refusal, &ENDED)
}
