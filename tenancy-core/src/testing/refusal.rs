use crate::db::DbError;

/// Whether a database refused a row for being another tenant's. The code of a policy's refusal is also that
/// of a right that is missing, of a trigger's own complaint and of a seal that did not hold, which say nothing
/// about the row.
pub(super) fn is_for_the_row(error: &DbError) -> bool {
    let DbError::ForeignRow { source, .. } = error else {
        return false;
    };
    match source.downcast_ref() {
        Some(sqlx::Error::Database(refusal)) => is_a_policys(&**refusal),
        _ => false,
    }
}

/// Postgres checks policies in one place, whose name is not translated as the message is.
#[cfg(feature = "postgres")]
fn is_a_policys(refusal: &dyn sqlx::error::DatabaseError) -> bool {
    match refusal.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
        Some(refusal) => refusal.routine() == Some("ExecWithCheckOptions"),
        None => true,
    }
}

/// SQLite's triggers refuse nothing else.
#[cfg(not(feature = "postgres"))]
fn is_a_policys(_: &dyn sqlx::error::DatabaseError) -> bool {
    true
}
