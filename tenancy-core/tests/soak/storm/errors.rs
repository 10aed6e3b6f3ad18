//! Which errors are the storm's doing. All others are wrong: above all those of a statement that ran in another
//! tenant's transaction.

use tenancy_core::{db::DbError, types::Lifecycle};

/// The name of an error that trouble or other requests explain, or `None`.
pub(super) fn explained(error: &DbError) -> Option<&'static str> {
    Some(match error {
        DbError::Unreachable { .. } => "Unreachable",
        DbError::CommitUnknown { .. } => "CommitUnknown",
        DbError::StaleEpoch { .. } => "StaleEpoch",
        DbError::Fenced { .. } => "Fenced",
        DbError::NotWritable {
            lifecycle: Lifecycle::ReadOnly | Lifecycle::Suspended,
        } => "NotWritable",
        DbError::Busy => "Busy",
        DbError::Conflict { .. } => "Conflict",
        DbError::Timeout { .. } => "Timeout",
        DbError::TooOld { .. } => "TooOld",
        _ => return None,
    })
}

/// Whether this is what the database says of a mistake that was made on purpose.
pub(super) fn is_the_mistake(error: &DbError) -> bool {
    let DbError::Statement { source, .. } = error else {
        return false;
    };
    let said: Option<&sqlx::Error> = source.downcast_ref();
    let refusal = said.and_then(sqlx::Error::as_database_error);
    let code = refusal.and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some(DIVISION_BY_ZERO)
}

const DIVISION_BY_ZERO: &str = "22012";

#[test]
fn an_error_of_another_tenants_transaction_is_not_explained() {
    let source = || "a driver's".into();
    for error in [
        DbError::ForeignRow {
            sql: "insert".into(),
            source: source(),
        },
        DbError::SealRefused { source: source() },
        DbError::NotOurs,
        DbError::Failed,
        DbError::NotHere,
        DbError::Statement {
            sql: "insert".into(),
            source: source(),
        },
        DbError::Duplicate {
            sql: "insert".into(),
            source: source(),
        },
        DbError::NotWritable {
            lifecycle: Lifecycle::Gone,
        },
    ] {
        assert_eq!(explained(&error), None, "{error:?}");
        assert!(!is_the_mistake(&error), "{error:?}");
    }
    assert_eq!(explained(&DbError::Busy), Some("Busy"));
}
