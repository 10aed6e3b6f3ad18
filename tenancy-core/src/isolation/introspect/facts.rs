//! What the catalogs say of tables that nobody has declared.

use std::{collections::HashMap, num::NonZeroU16};

use sqlx::{Connection as _, PgConnection};

use crate::isolation::audit::facts::{
    Asked, Facts, Relation, SETTINGS, functions, relations, tables,
};

/// The schema of this crate.
const OURS: &str = "tenancy";

#[derive(Debug)]
pub(super) struct Catalog {
    /// Roles, policies and surroundings are left out.
    pub(super) facts: Facts,
    /// By the table's full name.
    pub(super) hashes: HashMap<String, Hash>,
    pub(super) details: Vec<Detail>,
    /// What the columns of a domain's type hold, by table and column.
    domains: HashMap<(String, String), String>,
}

/// A table that is partitioned by the hash of one column into partitions that are named as a manifest's.
#[derive(Debug)]
pub(super) struct Hash {
    pub(super) column: String,
    pub(super) partitions: NonZeroU16,
}

/// What a search needs to know of an index.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Detail {
    pub(super) table: String,
    pub(super) name: String,
    /// Whether it is made for `LIKE`, from the beginning of the text.
    pub(super) pattern: bool,
    /// What its first column holds, where that is no column of the table.
    pub(super) expression: Option<String>,
}

/// All partitions of a hash, each named for its remainder.
const HASHES: &str = "
SELECT n.nspname || '.' || c.relname, a.attname::text, siblings.number
FROM pg_partitioned_table p
JOIN pg_class c ON c.oid = p.partrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
CROSS JOIN LATERAL (SELECT count(*) AS number FROM pg_inherits i WHERE i.inhparent = c.oid) siblings
WHERE p.partstrat = 'h' AND p.partnatts = 1 AND siblings.number > 0 AND NOT EXISTS (
    SELECT FROM generate_series(0, siblings.number - 1) remainder
    WHERE NOT EXISTS (
        SELECT FROM pg_inherits i JOIN pg_class child ON child.oid = i.inhrelid
        WHERE i.inhparent = c.oid AND child.relnamespace = c.relnamespace
            AND child.relname = c.relname || '_p' || remainder
            AND pg_get_expr(child.relpartbound, child.oid)
                = format('FOR VALUES WITH (modulus %s, remainder %s)', siblings.number, remainder)
    )
)
ORDER BY 1";

const DETAILS: &str = "
SELECT n.nspname || '.' || c.relname AS table, x.relname::text AS name,
    EXISTS (
        SELECT FROM unnest(i.indclass) class JOIN pg_opclass o ON o.oid = class
        WHERE o.opcname ~ '_pattern_ops$'
    ) AS pattern,
    CASE WHEN i.indkey[0] = 0 THEN pg_get_indexdef(i.indexrelid, 1, true) END AS expression
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class x ON x.oid = i.indexrelid
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY 1, 2";

const DOMAINS: &str = "
WITH RECURSIVE base (domain, oid) AS (
    SELECT oid, typbasetype FROM pg_type WHERE typtype = 'd'
    UNION ALL SELECT base.domain, t.typbasetype FROM base JOIN pg_type t ON t.oid = base.oid AND t.typtype = 'd'
)
SELECT n.nspname || '.' || c.relname, a.attname::text, format_type(t.oid, NULL)
FROM base JOIN pg_type t ON t.oid = base.oid AND t.typtype <> 'd'
JOIN pg_attribute a ON a.atttypid = base.domain AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p')
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

impl Catalog {
    /// The type behind a column whose type is a domain.
    pub(super) fn domain_over(&self, table: &str, column: &str) -> Option<&str> {
        let place = (table.to_owned(), column.to_owned());
        self.domains.get(&place).map(String::as_str)
    }
}

/// In one transaction, which changes nothing.
pub(super) async fn read(connection: &mut PgConnection) -> Result<Catalog, sqlx::Error> {
    let mut transaction = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let connection = &mut *transaction;
    sqlx::raw_sql(SETTINGS).execute(&mut *connection).await?;
    let asked = Asked {
        app: NOBODY,
        declared: &[],
        tenants: &[],
    };
    let mut relations = relations::read(connection, &asked).await?;
    relations.retain(|relation| relation.schema != OURS);
    let names: Vec<(String, String)> = relations.iter().filter_map(place).collect();
    let (schemas, names): (Vec<&str>, Vec<&str>) = names
        .iter()
        .map(|(schema, name)| (schema.as_str(), name.as_str()))
        .unzip();
    let facts = Facts {
        connected_as: String::new(),
        roles: Vec::new(),
        columns: tables::columns(connection, &schemas, &names).await?,
        policies: Vec::new(),
        indexes: tables::indexes(connection, &schemas, &names).await?,
        foreign_keys: tables::foreign_keys(connection).await?,
        triggers: tables::triggers(connection).await?,
        functions: functions::read(connection, NOBODY).await?,
        surroundings: Vec::new(),
        own: Vec::new(),
        relations,
    };
    let catalog = Catalog {
        facts,
        hashes: hashes(connection).await?,
        details: sqlx::query_as(DETAILS)
            .persistent(false)
            .fetch_all(&mut *connection)
            .await?,
        domains: domains(connection).await?,
    };
    transaction.rollback().await?;
    Ok(catalog)
}

/// No role has this name, so that nobody's rights are asked for.
const NOBODY: &str = "";

/// A table that stands for itself: no partition.
fn place(relation: &Relation) -> Option<(String, String)> {
    let stands = relation.is_table() && relation.ancestors.is_empty();
    stands.then(|| (relation.schema.clone(), relation.name.clone()))
}

async fn domains(
    connection: &mut PgConnection,
) -> Result<HashMap<(String, String), String>, sqlx::Error> {
    let rows: Vec<(String, String, String)> = sqlx::query_as(DOMAINS)
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let places = rows.into_iter();
    Ok(places
        .map(|(table, column, over)| ((table, column), over))
        .collect())
}

async fn hashes(connection: &mut PgConnection) -> Result<HashMap<String, Hash>, sqlx::Error> {
    let rows: Vec<(String, String, i64)> = sqlx::query_as(HASHES)
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let hash = |(table, column, partitions)| {
        let partitions = u16::try_from(partitions).ok().and_then(NonZeroU16::new)?;
        Some((table, Hash { column, partitions }))
    };
    Ok(rows.into_iter().filter_map(hash).collect())
}
