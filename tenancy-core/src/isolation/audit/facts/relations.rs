use sqlx::PgConnection;

/// A table, view or sequence outside of Postgres's own schemas and of extensions.
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
    /// Of a partition, or of a table that inherits: the topmost table, with its schema.
    pub(in crate::isolation) root: Option<String>,
    /// What the application may do with it or with one of its columns.
    pub(in crate::isolation) rights: Vec<String>,
}

const RELATIONS: &str = "
WITH app AS (SELECT oid FROM pg_roles WHERE rolname = $1)
SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
    pg_get_userbyid(c.relowner)::text AS owner,
    c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
    coalesce((
        SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o
        WHERE o.option_name = 'security_invoker'
    ), false) AS invoker,
    (
        SELECT rn.nspname || '.' || root.relname
        FROM pg_class root JOIN pg_namespace rn ON rn.oid = root.relnamespace
        WHERE root.oid = CASE WHEN c.relispartition THEN pg_partition_root(c.oid)
            ELSE (SELECT min(i.inhparent) FROM pg_inherits i WHERE i.inhrelid = c.oid) END
    ) AS root,
    array(
        SELECT one.name FROM app CROSS JOIN (VALUES
            ('SELECT', true), ('INSERT', true), ('UPDATE', true), ('REFERENCES', true),
            ('DELETE', false), ('TRUNCATE', false), ('TRIGGER', false)
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
    AND NOT EXISTS (
        SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
    )
ORDER BY n.nspname, c.relname";

pub(in crate::isolation) async fn read(
    connection: &mut PgConnection,
    app: &str,
) -> Result<Vec<Relation>, sqlx::Error> {
    sqlx::query_as(RELATIONS)
        .bind(app)
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
