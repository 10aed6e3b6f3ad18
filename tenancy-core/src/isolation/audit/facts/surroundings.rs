//! What is of the database and not of one table: each fact is one row.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::isolation::parts::ARE_OF_LARGE_OBJECTS;

#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(in crate::isolation) enum SurroundingKind {
    /// The application may make objects there.
    Create,
    /// Tables or sequences that this maker makes would be the application's.
    DefaultPrivilege,
    /// A setting of the tenant.
    Preset,
    /// A right of the application's or everybody's that a new cluster gives to neither: on Postgres's own tables
    /// and functions, on foreign servers, on settings.
    Right,
    /// What the application may do with large objects.
    LargeObjects,
    /// The event trigger of the net, when it is on: what it waits for and calls.
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

/// The net is written as it is made, with its function's owner where that is another one than its own.
const SURROUNDINGS: &str = "
WITH app AS (SELECT oid FROM pg_roles WHERE rolname = $1),
own AS (SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'pg_toast')),
given AS (
    SELECT 'pg_class'::regclass AS class, oid AS object, 0 AS part, relacl AS acl, NULL::aclitem[] AS usual
    FROM pg_class WHERE relnamespace IN (SELECT oid FROM own) AND relacl IS NOT NULL
    UNION ALL
    SELECT 'pg_class'::regclass, a.attrelid, a.attnum, a.attacl, NULL
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attacl IS NOT NULL AND c.relnamespace IN (SELECT oid FROM own)
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, proacl, acldefault('f', proowner)
    FROM pg_proc WHERE pronamespace IN (SELECT oid FROM own) AND proacl IS NOT NULL
)
SELECT 'create' AS kind, 'schema ' || n.nspname AS object FROM pg_namespace n CROSS JOIN app
WHERE n.nspname !~ '^pg_' AND has_schema_privilege(app.oid, n.oid, 'CREATE')
UNION ALL
SELECT 'create', 'database ' || d.datname || ' (' || one || ')'
FROM pg_database d CROSS JOIN app CROSS JOIN unnest(ARRAY['CREATE', 'TEMPORARY']) one
WHERE d.datname = current_database() AND has_database_privilege(app.oid, d.oid, one)
UNION ALL
SELECT DISTINCT 'default_privilege', 'default privileges of ' || pg_get_userbyid(d.defaclrole)
FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) a
WHERE d.defaclobjtype IN ('r', 'S', 'n') AND a.grantee IN (SELECT 0 UNION ALL SELECT oid FROM app)
UNION ALL
SELECT 'preset', coalesce('role ' || r.rolname, 'database ' || current_database())
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
WHERE (s.setrole = 0 OR r.rolname = $1)
    AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND EXISTS (SELECT FROM unnest(s.setconfig) one WHERE starts_with(lower(one), 'app.tenant_id='))
UNION ALL
SELECT 'right', a.privilege_type || ' on ' || pg_describe_object(given.class, given.object, given.part)
FROM given LEFT JOIN pg_init_privs first ON first.classoid = given.class AND first.objoid = given.object
    AND first.objsubid = given.part
CROSS JOIN LATERAL aclexplode(given.acl) a
WHERE a.grantee IN (SELECT 0 UNION ALL SELECT oid FROM app) AND NOT EXISTS (
    SELECT FROM aclexplode(coalesce(first.initprivs, given.usual)) i
    WHERE i.grantee = 0 AND i.privilege_type = a.privilege_type
)
UNION ALL
SELECT 'right', 'USAGE on server ' || s.srvname FROM pg_foreign_server s CROSS JOIN app
WHERE has_server_privilege(app.oid, s.oid, 'USAGE')
UNION ALL
SELECT 'right', a.privilege_type || ' on parameter ' || p.parname
FROM pg_parameter_acl p CROSS JOIN LATERAL aclexplode(p.paracl) a
WHERE a.grantee IN (SELECT 0 UNION ALL SELECT oid FROM app)
UNION ALL
SELECT 'large_objects', 'large objects (' || string_agg(DISTINCT p.proname, ', ' ORDER BY p.proname) || ')'
FROM pg_proc p CROSS JOIN app WHERE $large_objects AND has_function_privilege(app.oid, p.oid, 'EXECUTE')
HAVING count(*) > 0
UNION ALL
SELECT 'net', 'ON ' || t.evtevent || coalesce(' WHEN TAG IN ('
        || (SELECT string_agg(quote_literal(tag), ', ' ORDER BY place)
            FROM unnest(t.evttags) WITH ORDINALITY one (tag, place)) || ')', '')
    || ' EXECUTE FUNCTION ' || n.nspname || '.' || f.proname || '()'
    || CASE WHEN f.proowner = t.evtowner THEN '' ELSE ' of ' || pg_get_userbyid(f.proowner) END
FROM pg_event_trigger t JOIN pg_proc f ON f.oid = t.evtfoid JOIN pg_namespace n ON n.oid = f.pronamespace
WHERE t.evtname = 'tenancy_net' AND t.evtenabled IN ('O', 'A')
UNION ALL
SELECT 'prepared', gid FROM pg_prepared_xacts WHERE database = current_database()
UNION ALL
SELECT 'published', schemaname || '.' || tablename FROM pg_publication_tables
ORDER BY 1, 2";

pub(super) async fn read(
    connection: &mut PgConnection,
    app: &str,
) -> Result<Vec<Surrounding>, sqlx::Error> {
    let surroundings = SURROUNDINGS.replace("$large_objects", ARE_OF_LARGE_OBJECTS);
    sqlx::query_as(AssertSqlSafe(surroundings))
        .bind(app)
        .persistent(false)
        .fetch_all(connection)
        .await
}
