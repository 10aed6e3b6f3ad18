//! What belongs to tables. The names of tables are with their schemas.

use sqlx::PgConnection;

#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct Column {
    pub(in crate::isolation) table: String,
    pub(in crate::isolation) name: String,
    pub(in crate::isolation) r#type: String,
    pub(in crate::isolation) not_null: bool,
    /// Whether its default counts up.
    pub(in crate::isolation) numbered: bool,
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct Policy {
    pub(in crate::isolation) table: String,
    pub(in crate::isolation) name: String,
    pub(in crate::isolation) permissive: bool,
    /// `*` for all verbs.
    pub(in crate::isolation) command: String,
    /// `public` for everybody.
    pub(in crate::isolation) roles: Vec<String>,
    pub(in crate::isolation) using: Option<String>,
    pub(in crate::isolation) check: Option<String>,
    /// The functions that it calls which are not `STABLE` or are `LEAKPROOF`; Postgres's own are not listed.
    pub(in crate::isolation) unstable: Vec<String>,
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct Index {
    pub(in crate::isolation) table: String,
    pub(in crate::isolation) name: String,
    pub(in crate::isolation) unique: bool,
    /// Whether it is of an exclusion constraint: unique by another comparison than equality.
    pub(in crate::isolation) excluding: bool,
    pub(in crate::isolation) primary: bool,
    pub(in crate::isolation) partial: bool,
    /// Whether a duplicate is refused by the statement that makes it, and not only at the commit.
    pub(in crate::isolation) immediate: bool,
    /// Those that it is ordered by; null is an expression.
    pub(in crate::isolation) columns: Vec<Option<String>>,
    /// Whether it serves only operators that are asked after the policy, which makes it useless.
    pub(in crate::isolation) blind: bool,
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct ForeignKey {
    pub(in crate::isolation) table: String,
    pub(in crate::isolation) name: String,
    pub(in crate::isolation) columns: Vec<String>,
    pub(in crate::isolation) target: String,
    pub(in crate::isolation) target_columns: Vec<String>,
    /// Whether it changes or deletes rows that refer to one that is changed or deleted.
    pub(in crate::isolation) acts: bool,
}

/// A trigger or a rule.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct Trigger {
    pub(in crate::isolation) table: String,
    pub(in crate::isolation) name: String,
    pub(in crate::isolation) is_rule: bool,
    /// Whether its function runs with another role's rights.
    pub(in crate::isolation) definer: bool,
    /// Whether it also fires for what a replication writes, as the probe does.
    pub(in crate::isolation) fires_always: bool,
}

const COLUMNS: &str = "
SELECT n.nspname || '.' || c.relname AS table, a.attname::text AS name,
    format_type(a.atttypid, NULL) AS type, a.attnotnull AS not_null,
    a.attidentity <> '' OR coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%', false) AS numbered
FROM unnest($1::text[], $2::text[]) AS declared (schema, name)
JOIN pg_namespace n ON n.nspname = declared.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = declared.name AND c.relkind IN ('r', 'p')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.attgenerated = ''
ORDER BY c.oid, a.attnum";

pub(in crate::isolation) async fn columns(
    connection: &mut PgConnection,
    schemas: &[&str],
    names: &[&str],
) -> Result<Vec<Column>, sqlx::Error> {
    sqlx::query_as(COLUMNS)
        .bind(schemas)
        .bind(names)
        .persistent(false)
        .fetch_all(connection)
        .await
}

/// The planner knows Postgres's own functions, and they are in no list of dependencies.
const POLICIES: &str = r#"
SELECT n.nspname || '.' || c.relname AS table, p.polname::text AS name, p.polpermissive AS permissive,
    p.polcmd::text AS command,
    array(
        SELECT CASE one WHEN 0 THEN 'public' ELSE pg_get_userbyid(one)::text END FROM unnest(p.polroles) one
    ) AS roles,
    pg_get_expr(p.polqual, p.polrelid) AS using, pg_get_expr(p.polwithcheck, p.polrelid) AS "check",
    coalesce(called.unstable, '{}') AS unstable
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN (
    SELECT d.objid AS policy, array_agg(fn.nspname || '.' || f.proname ORDER BY fn.nspname, f.proname) AS unstable
    FROM pg_depend d JOIN pg_proc f ON f.oid = d.refobjid JOIN pg_namespace fn ON fn.oid = f.pronamespace
    WHERE d.classid = 'pg_policy'::regclass AND d.refclassid = 'pg_proc'::regclass
        AND (f.provolatile <> 's' OR f.proleakproof)
    GROUP BY d.objid
) called ON called.policy = p.oid
ORDER BY 1, 2"#;

pub(in crate::isolation) async fn policies(
    connection: &mut PgConnection,
) -> Result<Vec<Policy>, sqlx::Error> {
    sqlx::query_as(POLICIES)
        .persistent(false)
        .fetch_all(connection)
        .await
}

/// `LIKE`, which the classes for patterns are made for, is not leakproof although their own operators are. An
/// operator that somebody has called leakproof since the cluster was made is not taken for it. The classes are
/// looked at once, and not for each index.
const INDEXES: &str = "
SELECT n.nspname || '.' || c.relname AS table, x.relname::text AS name,
    i.indisunique AS unique, i.indisexclusion AS excluding,
    i.indisprimary AS primary,
    i.indpred IS NOT NULL AS partial,
    i.indimmediate AS immediate,
    array(
        SELECT (
            SELECT a.attname::text FROM pg_attribute a
            WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[position] AND a.attnum > 0
        ) FROM generate_series(0, i.indnkeyatts - 1) position ORDER BY position
    ) AS columns,
    coalesce(i.indclass::oid[] && (
        SELECT array_agg(o.oid) FROM pg_opclass o
        WHERE o.opcname ~ '_pattern_ops$' OR NOT EXISTS (
            SELECT FROM pg_amop member
            JOIN pg_operator op ON op.oid = member.amopopr
            JOIN pg_proc f ON f.oid = op.oprcode AND f.proleakproof AND f.xmin::text = '1'
            WHERE member.amopfamily = o.opcfamily AND member.amoplefttype = o.opcintype
        )
    ), false) AS blind
FROM unnest($1::text[], $2::text[]) AS declared (schema, name)
JOIN pg_namespace n ON n.nspname = declared.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = declared.name
JOIN pg_index i ON i.indrelid = c.oid AND i.indisvalid
JOIN pg_class x ON x.oid = i.indexrelid
ORDER BY 1, 2";

pub(in crate::isolation) async fn indexes(
    connection: &mut PgConnection,
    schemas: &[&str],
    names: &[&str],
) -> Result<Vec<Index>, sqlx::Error> {
    sqlx::query_as(INDEXES)
        .bind(schemas)
        .bind(names)
        .persistent(false)
        .fetch_all(connection)
        .await
}

const FOREIGN_KEYS: &str = "
SELECT n.nspname || '.' || c.relname AS table, f.conname::text AS name,
    array(
        SELECT a.attname::text FROM unnest(f.conkey) WITH ORDINALITY key (number, place)
        JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = key.number ORDER BY key.place
    ) AS columns,
    tn.nspname || '.' || t.relname AS target,
    array(
        SELECT a.attname::text FROM unnest(f.confkey) WITH ORDINALITY key (number, place)
        JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = key.number ORDER BY key.place
    ) AS target_columns,
    f.confdeltype NOT IN ('a', 'r') OR f.confupdtype NOT IN ('a', 'r') AS acts
FROM pg_constraint f
JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = f.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE f.contype = 'f' AND f.conparentid = 0
ORDER BY 1, 2";

pub(in crate::isolation) async fn foreign_keys(
    connection: &mut PgConnection,
) -> Result<Vec<ForeignKey>, sqlx::Error> {
    sqlx::query_as(FOREIGN_KEYS)
        .persistent(false)
        .fetch_all(connection)
        .await
}

/// A view is a rule, too, of the event `1`.
const TRIGGERS: &str = "
SELECT n.nspname || '.' || c.relname AS table, t.tgname::text AS name, false AS is_rule,
    f.prosecdef AS definer, t.tgenabled IN ('A', 'R') AS fires_always
FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid
JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND t.tgparentid = 0
UNION ALL
SELECT n.nspname || '.' || c.relname, r.rulename::text, true, false, r.ev_enabled IN ('A', 'R')
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.ev_type <> '1' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY 1, 2";

pub(in crate::isolation) async fn triggers(
    connection: &mut PgConnection,
) -> Result<Vec<Trigger>, sqlx::Error> {
    sqlx::query_as(TRIGGERS)
        .persistent(false)
        .fetch_all(connection)
        .await
}
