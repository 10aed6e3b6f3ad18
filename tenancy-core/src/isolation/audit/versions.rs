//! Whether the cell is of this program's version.

use sqlx::PgConnection;

use super::AuditError;
use crate::isolation::Isolation;

/// A cell that was never installed, or before programs could ask, has no answer: what it lacks is a finding.
const READABLE: &str = "SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'tenancy' AND c.relname = 'format' AND has_schema_privilege(n.oid, 'USAGE')
        AND has_table_privilege(c.oid, 'SELECT'))";

pub(super) async fn check(connection: &mut PgConnection) -> Result<(), AuditError> {
    let readable: bool = sqlx::query_scalar(READABLE)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    if !readable {
        return Ok(());
    }
    let versions: Vec<(String, i64)> = sqlx::query_as("SELECT part, version FROM tenancy.format")
        .persistent(false)
        .fetch_all(connection)
        .await?;
    versions
        .iter()
        .try_for_each(|(part, found)| compare(part, *found))
}

fn compare(part: &str, found: i64) -> Result<(), AuditError> {
    let known = match part {
        "isolation" => Isolation::VERSION,
        "fence" => Isolation::FENCE_VERSION,
        _ => return Ok(()),
    };
    let part = part.into();
    match found.cmp(&known) {
        std::cmp::Ordering::Less => Err(AuditError::OlderVersion { part, found, known }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(AuditError::NewerVersion { part, found, known }),
    }
}
