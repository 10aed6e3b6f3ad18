use sqlx::PgConnection;

/// A table, view or sequence outside of Postgres's own schemas. Those of an extension are among them when they
/// are declared, or when the application itself has a right on them and not everybody.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct Relation {
    pub(in crate::isolation) schema: String,
    pub(in crate::isolation) name: String,
    /// Postgres's letter: `r` and `p` for tables, `v`, `m`, `f`, `S`.
    pub(in crate::isolation) kind: String,
    pub(in crate::isolation) owner: String,
    pub(in crate::isolation) enabled: bool,
    pub(in crate::isolation) forced: bool,
    /// Of a view: whether it is read with the reader's rights.
    pub(in crate::isolation) invoker: bool,
    /// Of a partition, or of a table that inherits: all tables above it, which show its rows, with their schemas.
    pub(in crate::isolation) ancestors: Vec<String>,
    /// Whether it has a column that is called as a tenant's is.
    pub(in crate::isolation) has_tenant: bool,
    /// What the application may do with it or with one of its columns.
    pub(in crate::isolation) rights: Vec<String>,
}

/// What the facts about relations are asked with.
#[derive(Debug)]
pub(in crate::isolation) struct Asked<'a> {
    /// The application's role.
    pub(in crate::isolation) app: &'a str,
    /// The declared tables, with their schemas.
    pub(in crate::isolation) declared: &'a [String],
    /// How columns of tenants are called.
    pub(in crate::isolation) tenants: &'a [&'a str],
}

/// `MAINTAIN` is a right since Postgres 17.
const RELATIONS: &str = "
WITH RECURSIVE app AS (SELECT oid FROM pg_roles WHERE rolname = $1),
above (relation, ancestor) AS (
    SELECT inhrelid, inhparent FROM pg_inherits
    UNION SELECT above.relation, i.inhparent FROM above JOIN pg_inherits i ON i.inhrelid = above.ancestor
)
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
    pg_get_userbyid(c.relowner)::text AS owner,
    c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
    coalesce((
        SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o
        WHERE o.option_name = 'security_invoker'
    ), false) AS invoker,
    array(
        SELECT an.nspname || '.' || ancestor.relname
        FROM above JOIN pg_class ancestor ON ancestor.oid = above.ancestor
        JOIN pg_namespace an ON an.oid = ancestor.relnamespace
        WHERE above.relation = c.oid ORDER BY 1
    ) AS ancestors,
    EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = ANY($3::name[]) AND NOT a.attisdropped
    ) AS has_tenant,
    array(
        SELECT one.name FROM app CROSS JOIN (VALUES
            ('SELECT', true), ('INSERT', true), ('UPDATE', true), ('REFERENCES', true),
            ('DELETE', false), ('TRUNCATE', false), ('TRIGGER', false),
            (CASE WHEN current_setting('server_version_num')::int >= 170000 THEN 'MAINTAIN' END, false)
        ) AS one (name, columns)
        WHERE CASE WHEN c.relkind = 'S' THEN
                one.name IN ('SELECT', 'UPDATE') AND has_sequence_privilege(app.oid, c.oid, one.name)
            ELSE has_table_privilege(app.oid, c.oid, one.name) END
            OR CASE WHEN one.columns AND c.relkind <> 'S'
                THEN has_any_column_privilege(app.oid, c.oid, one.name) END
        UNION ALL
        SELECT 'USAGE' FROM app
        WHERE CASE WHEN c.relkind = 'S' THEN has_sequence_privilege(app.oid, c.oid, 'USAGE') END
    ) AS rights
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND (
        NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
        )
        OR n.nspname || '.' || c.relname = ANY($2)
        OR EXISTS (SELECT FROM aclexplode(c.relacl) given JOIN app ON app.oid = given.grantee)
        OR EXISTS (
            SELECT FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) given
            JOIN app ON app.oid = given.grantee WHERE a.attrelid = c.oid
        )
    )
ORDER BY n.nspname, c.relname";

pub(in crate::isolation) async fn read(
    connection: &mut PgConnection,
    asked: &Asked<'_>,
) -> Result<Vec<Relation>, sqlx::Error> {
    sqlx::query_as(RELATIONS)
        .bind(asked.app)
        .bind(asked.declared)
        .bind(asked.tenants)
        .persistent(false)
        .fetch_all(connection)
        .await
}

impl Relation {
    pub(in crate::isolation) fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    pub(in crate::isolation) fn is_table(&self) -> bool {
        matches!(self.kind.as_str(), "r" | "p")
    }
}
