//! What an error of the driver means.

use std::{borrow::Cow, time::Duration};

use sqlx::error::ErrorKind;

use super::{BrokenConstraint, CellDatabase, DbError};

/// What the failure of a statement that may run for `limit` means.
pub(super) fn explain<D: CellDatabase>(
    sql: Cow<'static, str>,
    limit: Duration,
    error: sqlx::Error,
) -> DbError {
    match &error {
        sqlx::Error::Database(refusal) if D::is_foreign_row(&**refusal) => DbError::ForeignRow {
            sql,
            source: error.into(),
        },
        sqlx::Error::Database(refusal) if refusal.is_unique_violation() => DbError::Duplicate {
            sql,
            source: error.into(),
        },
        sqlx::Error::Database(refusal) if D::is_timeout(&**refusal) => {
            DbError::Timeout { sql, limit }
        }
        sqlx::Error::Database(refusal) if D::is_conflict(&**refusal) => DbError::Conflict {
            source: error.into(),
        },
        _ => DbError::of_driver::<D>(sql, error),
    }
}

impl DbError {
    /// The driver's error at a statement of the cell's own, which is short but for the locks it waits for.
    pub(super) fn of_waiting<D: CellDatabase>(sql: Cow<'static, str>, error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) if D::is_timeout(&**refusal) => Self::Busy,
            _ => Self::of_driver::<D>(sql, error),
        }
    }

    /// The driver's error at a statement whose refusals have no meaning of their own.
    pub(super) fn of_driver<D: CellDatabase>(sql: Cow<'static, str>, error: sqlx::Error) -> Self {
        if let Some(broken) = broken::<D>(&error) {
            return Self::Constraint {
                sql,
                broken,
                source: error.into(),
            };
        }
        match &error {
            sqlx::Error::Database(refusal)
                if D::is_lost(&**refusal) || D::is_exhausted(&**refusal) =>
            {
                Self::Unreachable {
                    source: error.into(),
                }
            }
            sqlx::Error::Database(refusal) if D::is_locked(&**refusal) => Self::Busy,
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Self::Unreachable {
                source: error.into(),
            },
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_) => Self::Decode {
                sql,
                source: error.into(),
            },
            _ => Self::Statement {
                sql,
                source: error.into(),
            },
        }
    }
}

/// The constraint that a row breaks, as far as both databases know it.
fn broken<D: CellDatabase>(error: &sqlx::Error) -> Option<BrokenConstraint> {
    let refusal = error.as_database_error()?;
    match refusal.kind() {
        ErrorKind::NotNullViolation => Some(BrokenConstraint::NotNull),
        ErrorKind::ForeignKeyViolation => Some(BrokenConstraint::ForeignKey),
        ErrorKind::CheckViolation => Some(BrokenConstraint::Check),
        ErrorKind::ExclusionViolation => Some(BrokenConstraint::Exclusion),
        _ if D::is_too_long(refusal) => Some(BrokenConstraint::Length),
        _ => None,
    }
}
