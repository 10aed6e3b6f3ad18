//! Who sees tenants' rows before an installation, and none after it.

use sqlx::PgConnection;

use crate::{
    TableKind,
    isolation::{InstallError, Isolation},
};

/// Postgres's own roles are nobody, and their members are asked themselves.
const SIGHT: &str = "
SELECT DISTINCT r.rolname::text FROM unnest($1::text[], $2::text[]) AS declared (schema, name)
JOIN pg_namespace n ON n.nspname = declared.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = declared.name AND c.relkind IN ('r', 'p')
CROSS JOIN pg_roles r
WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)
    AND NOT r.rolsuper AND NOT r.rolbypassrls AND r.rolname !~ '^pg_' AND r.rolname <> ALL ($3::text[])
    AND has_table_privilege(r.oid, c.oid, 'SELECT')
ORDER BY 1";

pub(super) async fn of_others(
    connection: &mut PgConnection,
    isolation: &Isolation,
) -> Result<Vec<Box<str>>, InstallError> {
    let tables = isolation.manifest().tables().iter();
    let (schemas, names): (Vec<&str>, Vec<&str>) = tables
        .filter(|table| matches!(table.kind(), TableKind::Tenant { .. }))
        .map(|table| (table.schema_name(), table.name()))
        .unzip();
    let roles = isolation.roles();
    let own = [
        roles.owner(),
        roles.app(),
        roles.mover(),
        roles.auditor(),
        roles.search(),
    ];
    let others: Vec<String> = sqlx::query_scalar(SIGHT)
        .bind(schemas)
        .bind(names)
        .bind(own)
        .fetch_all(connection)
        .await?;
    Ok(others.into_iter().map(Box::from).collect())
}
