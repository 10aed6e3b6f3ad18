//! A program serves cells of its own version: the guard's arguments and answer may be others in the next.

use sqlx::FromRow;

use super::{PostgresCell, driver::answered};
use crate::{
    db::{DbError, OpenError, database::private::Driver as _, fence::OWN_WAIT},
    isolation::Isolation,
};

const VERSIONS: &str = "SELECT part, version FROM tenancy.format";

/// Refuses a cell whose fences or isolation are of another version.
pub(super) async fn check(cell: &PostgresCell) -> Result<(), OpenError> {
    let versions = versions(cell).await.map_err(OpenError::mover)?;
    let known = [
        ("fence", Isolation::FENCE_VERSION),
        ("isolation", Isolation::VERSION),
    ];
    for (part, known) in known {
        let found = versions.iter().find(|(name, _)| name == part);
        let found = found.map(|(_, version)| *version);
        if found != Some(known) {
            return Err(OpenError::Format { part, found, known });
        }
    }
    Ok(())
}

async fn versions(cell: &PostgresCell) -> Result<Vec<(String, i64)>, DbError> {
    let mut lease = sqlx::Postgres::platform(cell).await?;
    let rows = sqlx::raw_sql(VERSIONS).fetch_all(lease.connection());
    let rows = answered(OWN_WAIT, rows).await;
    sqlx::Postgres::hear(&mut lease, &rows);
    let versions = rows
        .and_then(|rows| rows.iter().map(FromRow::from_row).collect())
        .map_err(|error| DbError::of_driver::<sqlx::Postgres>(VERSIONS.into(), error))?;
    lease.keep();
    Ok(versions)
}
