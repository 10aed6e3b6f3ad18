//! Where rows must be placed so that a relation shows them.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::isolation::{Isolation, audit::rules};

/// Views and what they read, and tables and those above them, which their rows come through.
const SOURCES: &str = "
WITH RECURSIVE shows (relation, source) AS (
    SELECT r.ev_class, d.refobjid FROM pg_rewrite r
    JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> r.ev_class
    WHERE r.ev_type = '1'
    UNION SELECT inhrelid, inhparent FROM pg_inherits
),
asked (relation, source) AS (
    SELECT c.oid, c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname || '.' || c.relname = ANY($1)
    UNION SELECT asked.relation, shows.source FROM asked JOIN shows ON shows.relation = asked.source
)
SELECT rn.nspname || '.' || r.relname, sn.nspname || '.' || s.relname
FROM asked
JOIN pg_class r ON r.oid = asked.relation JOIN pg_namespace rn ON rn.oid = r.relnamespace
JOIN pg_class s ON s.oid = asked.source JOIN pg_namespace sn ON sn.oid = s.relnamespace
ORDER BY 1, 2";

/// For each relation the tenants' tables whose rows it shows; of a declared table that is itself alone.
pub(super) async fn read(
    connection: &mut PgConnection,
    isolation: &Isolation,
    names: &[String],
) -> Result<HashMap<String, Vec<String>>, sqlx::Error> {
    let rows: Vec<(String, String)> = sqlx::query_as(SOURCES)
        .bind(names)
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let is_tenants = |name: &str| rules::tenant_column(isolation, name).is_some();
    let mut sources: HashMap<String, Vec<String>> = HashMap::new();
    for (relation, source) in rows {
        if is_tenants(&source) && (source == relation || !is_tenants(&relation)) {
            sources.entry(relation).or_default().push(source);
        }
    }
    Ok(sources)
}
