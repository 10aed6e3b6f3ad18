//! Rows of two tenants that cannot exist: their numbers are above every tenant's.

use sqlx::{AssertSqlSafe, PgConnection};

use super::{super::facts::Relation, Unprobed};
use crate::{
    TenantColumn,
    isolation::{Isolation, audit::rules},
};

/// Tenants' numbers are of 32 bits.
pub(super) const FIRST: u64 = (1 << 32) + 1;
const SECOND: u64 = FIRST + 1;
/// Has no rows: whoever makes one for it meets no other row.
const THIRD: u64 = FIRST + 2;

/// A relation that the application reaches, with rows of both.
#[derive(Debug)]
pub(super) struct Canary {
    pub(super) relation: String,
    pub(super) quoted: String,
    /// The tenant's.
    pub(super) column: String,
    pub(super) rights: Vec<String>,
    /// The tenants, as literals of the column's type.
    pub(super) first: String,
    pub(super) second: String,
    pub(super) third: String,
    /// Of a table that the canaries were placed in.
    pub(super) insert_third: Option<String>,
}

/// A column that a row must name, or the tenant's.
#[derive(Debug, sqlx::FromRow)]
struct Column {
    relation: String,
    name: String,
    r#type: String,
    /// Whether a row must name it.
    needed: bool,
    /// Some value of its type; null when we know none.
    value: Option<String>,
}

const COLUMNS: &str = "
SELECT n.nspname || '.' || c.relname AS relation, a.attname::text AS name,
    format_type(a.atttypid, NULL) AS type,
    a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS needed,
    CASE
        WHEN base.typname IN ('time', 'timetz') THEN '00:00'
        WHEN base.typname = 'uuid' THEN '00000000-0000-4000-8000-000000000000'
        WHEN base.typname IN ('json', 'jsonb') THEN '{}'
        WHEN base.typname IN ('bytea', 'tsvector') THEN ''
        WHEN base.typtype = 'm' THEN '{}'
        ELSE CASE base.typcategory
            WHEN 'N' THEN '1' WHEN 'B' THEN 'false' WHEN 'S' THEN 'c' WHEN 'D' THEN '2000-01-01'
            WHEN 'T' THEN '0' WHEN 'A' THEN '{}' WHEN 'I' THEN '127.0.0.1' WHEN 'R' THEN 'empty'
            WHEN 'E' THEN (
                SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = base.oid
                ORDER BY e.enumsortorder LIMIT 1
            )
        END
    END AS value
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type base ON base.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
WHERE n.nspname || '.' || c.relname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY c.oid, a.attnum";

/// The external keys of the three, where a table's tenant is a UUID.
const FENCES: &str = "INSERT INTO tenancy.fence (tenant_id, external, state, lifecycle, epoch, deadline)
    SELECT 4294967296 + n, ('00000000-0000-4000-8000-cacacacaca0' || n)::uuid, 'active', 'active', 1, 0
    FROM generate_series(1, 3) n";

pub(super) async fn fences(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(FENCES).execute(connection).await?;
    Ok(())
}

/// The relations, after rows were placed in those that are declared tables.
pub(super) async fn place(
    connection: &mut PgConnection,
    isolation: &Isolation,
    relations: &[&Relation],
) -> Result<Vec<Result<Canary, Unprobed>>, sqlx::Error> {
    let names: Vec<String> = relations.iter().map(|one| one.full_name()).collect();
    let columns: Vec<Column> = sqlx::query_as(COLUMNS)
        .bind(&names)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?;
    let mut canaries = Vec::new();
    for (relation, name) in relations.iter().zip(names) {
        let columns: Vec<&Column> = columns
            .iter()
            .filter(|column| column.relation == name)
            .collect();
        canaries.push(one(connection, isolation, relation, &columns).await?);
    }
    Ok(canaries)
}

async fn one(
    connection: &mut PgConnection,
    isolation: &Isolation,
    relation: &Relation,
    columns: &[&Column],
) -> Result<Result<Canary, Unprobed>, sqlx::Error> {
    let name = relation.full_name();
    let unprobed = |why: String| Unprobed {
        relation: name.as_str().into(),
        why: why.into(),
    };
    let Some((column, r#type)) = tenant(isolation, &name, columns) else {
        return Ok(Err(unprobed("it has no column of the tenant".to_owned())));
    };
    let mut canary = Canary {
        quoted: format!("\"{}\".\"{}\"", relation.schema, relation.name),
        column,
        rights: relation.rights.clone(),
        first: literal(r#type, FIRST),
        second: literal(r#type, SECOND),
        third: literal(r#type, THIRD),
        insert_third: None,
        relation: name.clone(),
    };
    if rules::tenant_column(isolation, &name).is_none() {
        // A view, or a partition: what it shows was placed in other tables.
        return Ok(Ok(canary));
    }
    for tenant in [&canary.first, &canary.second] {
        let Some(insert) = insert(&canary, columns, tenant) else {
            return Ok(Err(unprobed(
                "it has a column of a type without a known value".to_owned(),
            )));
        };
        if let Err(why) = placed(connection, &insert).await? {
            return Ok(Err(unprobed(why)));
        }
    }
    canary.insert_third = insert(&canary, columns, &canary.third);
    Ok(Ok(canary))
}

/// In a savepoint, so that a row which a constraint refuses does not end the probe.
async fn placed(
    connection: &mut PgConnection,
    insert: &str,
) -> Result<Result<(), String>, sqlx::Error> {
    sqlx::raw_sql("SAVEPOINT tenancy_canary")
        .execute(&mut *connection)
        .await?;
    let done = sqlx::raw_sql(AssertSqlSafe(insert))
        .execute(&mut *connection)
        .await;
    match done {
        Ok(_) => Ok(Ok(())),
        Err(sqlx::Error::Database(error)) => {
            sqlx::raw_sql("ROLLBACK TO SAVEPOINT tenancy_canary")
                .execute(connection)
                .await?;
            Ok(Err(format!("it takes no canary: {}", error.message())))
        }
        Err(error) => Err(error),
    }
}

/// The declared column, or in another relation one of a declared column's name and of a tenant's type.
fn tenant(
    isolation: &Isolation,
    relation: &str,
    columns: &[&Column],
) -> Option<(String, TenantColumn)> {
    let is_tenants = |column: &Column| match rules::tenant_column(isolation, relation) {
        Some(declared) => column.name == declared,
        None => rules::is_tenants_name(isolation, &column.name),
    };
    let column = columns.iter().find(|column| is_tenants(column))?;
    let r#type = [TenantColumn::BigInt, TenantColumn::Uuid]
        .into_iter()
        .find(|known| known.as_str() == column.r#type)?;
    Some((column.name.clone(), r#type))
}

fn literal(r#type: TenantColumn, tenant: u64) -> String {
    match r#type {
        TenantColumn::BigInt => tenant.to_string(),
        TenantColumn::Uuid => {
            let number = tenant - (1 << 32);
            format!("'00000000-0000-4000-8000-cacacacaca0{number}'")
        }
    }
}

fn insert(canary: &Canary, columns: &[&Column], tenant: &str) -> Option<String> {
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in columns {
        if column.name == canary.column {
            values.push(tenant.to_owned());
        } else if column.needed {
            let value = column.value.as_ref()?.replace('\'', "''");
            values.push(format!("'{value}'"));
        } else {
            continue;
        }
        names.push(format!("\"{}\"", column.name));
    }
    let (names, values) = (names.join(", "), values.join(", "));
    Some(format!(
        "INSERT INTO {} ({names}) VALUES ({values})",
        canary.quoted
    ))
}
