//! What is of the database and not of one table: each fact is one row.

use sqlx::PgConnection;

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(in crate::isolation) enum SurroundingKind {
    /// The application may make objects there.
    Create,
    /// Tables or sequences that this maker makes would be the application's.
    DefaultPrivilege,
    /// A setting of the tenant.
    Preset,
    /// The event trigger of the net, when it is on.
    Net,
    /// A prepared transaction of this database.
    Prepared,
    /// A table that a publication sends, with its schema.
    Published,
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct Surrounding {
    pub(in crate::isolation) kind: SurroundingKind,
    pub(in crate::isolation) object: String,
}

const SURROUNDINGS: &str = "
WITH app AS (SELECT oid FROM pg_roles WHERE rolname = $1)
SELECT 'create' AS kind, 'schema ' || n.nspname AS object FROM pg_namespace n CROSS JOIN app
WHERE n.nspname !~ '^pg_' AND has_schema_privilege(app.oid, n.oid, 'CREATE')
UNION ALL
SELECT 'create', 'database ' || d.datname || ' (' || one || ')'
FROM pg_database d CROSS JOIN app CROSS JOIN unnest(ARRAY['CREATE', 'TEMPORARY']) one
WHERE d.datname = current_database() AND has_database_privilege(app.oid, d.oid, one)
UNION ALL
SELECT DISTINCT 'default_privilege', 'default privileges of ' || pg_get_userbyid(d.defaclrole)
FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a
WHERE d.defaclobjtype IN ('r', 'S') AND a.grantee IN (SELECT 0 UNION ALL SELECT oid FROM app)
UNION ALL
SELECT 'preset', coalesce('role ' || r.rolname, 'database ' || current_database())
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE (s.setrole = 0 OR r.rolname = $1)
    AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND EXISTS (SELECT FROM unnest(s.setconfig) one WHERE starts_with(one, 'app.tenant_id='))
UNION ALL
SELECT 'net', evtname::text FROM pg_event_trigger
WHERE evtname = 'tenancy_net' AND evtenabled IN ('O', 'A')
UNION ALL
SELECT 'prepared', gid FROM pg_prepared_xacts WHERE database = current_database()
UNION ALL
SELECT 'published', schemaname || '.' || tablename FROM pg_publication_tables
ORDER BY 1, 2";

pub(super) async fn read(
    connection: &mut PgConnection,
    app: &str,
) -> Result<Vec<Surrounding>, sqlx::Error> {
    sqlx::query_as(SURROUNDINGS)
        .bind(app)
        .persistent(false)
        .fetch_all(connection)
        .await
}
