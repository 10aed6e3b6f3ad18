//! Whether the cell is of this program's version.

use sqlx::{PgConnection, Row as _};

use super::AuditError;
use crate::isolation::Isolation;

/// A cell that was never installed, or before programs could ask, has no answer: what it lacks is a finding.
const READABLE: &str = "SELECT EXISTS (
    SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'tenancy' AND c.relname = 'format' AND has_schema_privilege(n.oid, 'USAGE')
        AND has_table_privilege(c.oid, 'SELECT'))";

pub(super) async fn check(connection: &mut PgConnection) -> Result<(), AuditError> {
    // Each is one message, which a pooler sends to one server.
    let readable = sqlx::raw_sql(READABLE).fetch_one(&mut *connection).await?;
    if !readable.try_get::<bool, _>(0)? {
        return Ok(());
    }
    let versions = sqlx::raw_sql("SELECT part, version FROM tenancy.format")
        .fetch_all(connection)
        .await?;
    versions
        .iter()
        .try_for_each(|row| compare(row.try_get(0)?, row.try_get(1)?))
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
