//! Rows of two tenants that cannot exist: their numbers are above every tenant's.

use sqlx::PgConnection;

use super::{super::facts::Relation, Unprobed, run};
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

#[derive(Debug, sqlx::FromRow)]
struct Column {
    relation: String,
    name: String,
    r#type: String,
    /// Whether a row must name it.
    needed: bool,
    /// Whether Postgres computes it.
    generated: bool,
    /// A value of its type for each of the three, other ones where that is easy; null where we know none.
    values: Vec<Option<String>>,
}

const COLUMNS: &str = "
SELECT n.nspname || '.' || c.relname AS relation, a.attname::text AS name,
    format_type(a.atttypid, NULL) AS type,
    a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS needed, a.attgenerated <> '' AS generated,
    array(
        SELECT CASE
            WHEN base.typname IN ('time', 'timetz') THEN '00:00'
            WHEN base.typname = 'uuid' THEN 'cacacaca-0000-4000-8000-00000000000' || number
            WHEN base.typname IN ('json', 'jsonb') THEN '{}'
            WHEN base.typname IN ('bytea', 'tsvector') THEN ''
            WHEN base.typtype = 'm' THEN '{}'
            ELSE CASE base.typcategory
                WHEN 'N' THEN number::text WHEN 'B' THEN 'false' WHEN 'S' THEN number::text
                WHEN 'D' THEN '2000-01-0' || number WHEN 'T' THEN '0' WHEN 'A' THEN '{}'
                WHEN 'I' THEN '127.0.0.' || number WHEN 'R' THEN 'empty'
                WHEN 'E' THEN (
                    SELECT e.enumlabel FROM pg_enum e WHERE e.enumtypid = base.oid
                    ORDER BY e.enumsortorder LIMIT 1
                )
            END
        END
        FROM generate_series(1, 3) number ORDER BY number
    ) AS values
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
    run(connection, FENCES).await?;
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
        quoted: format!("{}.{}", quoted(&relation.schema), quoted(&relation.name)),
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
    let mut why = "it has a column of a type without a known value".to_owned();
    let copied = copied(&canary, columns);
    for inserts in made(&canary, columns).into_iter().chain([copied]) {
        let [first, second, third] = inserts;
        match placed(connection, &[first, second]).await? {
            Ok(()) => {
                canary.insert_third = Some(third);
                return Ok(Ok(canary));
            }
            Err(refused) => why = refused,
        }
    }
    Ok(Err(unprobed(why)))
}

/// In a savepoint, so that a row which a constraint refuses does not end the probe.
async fn placed(
    connection: &mut PgConnection,
    inserts: &[String],
) -> Result<Result<(), String>, sqlx::Error> {
    run(connection, "SAVEPOINT tenancy_canary").await?;
    for insert in inserts {
        let why = match run(connection, insert).await {
            Ok(1..) => continue,
            Ok(0) => "it takes no row of our making, and has none to copy".to_owned(),
            Err(sqlx::Error::Database(error)) => format!("it takes no canary: {}", error.message()),
            Err(error) => return Err(error),
        };
        run(
            connection,
            "ROLLBACK TO SAVEPOINT tenancy_canary; RELEASE SAVEPOINT tenancy_canary",
        )
        .await?;
        return Ok(Err(why));
    }
    run(connection, "RELEASE SAVEPOINT tenancy_canary").await?;
    Ok(Ok(()))
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

/// Rows with what a row must have; none when there is a column of a type that we know nothing of.
fn made(canary: &Canary, columns: &[&Column]) -> Option<[String; 3]> {
    let needed = columns
        .iter()
        .filter(|column| column.needed || column.name == canary.column);
    let needed: Vec<_> = needed.collect();
    let names = list(needed.iter().map(|column| quoted(&column.name)));
    let row = |place: usize, tenant: &str| {
        let values: Option<Vec<String>> = needed
            .iter()
            .map(|column| {
                if column.name == canary.column {
                    return Some(tenant.to_owned());
                }
                let value = column.values.get(place)?.as_ref()?;
                Some(format!("'{}'", value.replace('\'', "''")))
            })
            .collect();
        let values = list(values?.into_iter());
        Some(format!(
            "INSERT INTO {} ({names}) VALUES ({values})",
            canary.quoted
        ))
    };
    Some([
        row(0, &canary.first)?,
        row(1, &canary.second)?,
        row(2, &canary.third)?,
    ])
}

/// Somebody's row as the canaries': it passes the constraints that one of our making does not.
fn copied(canary: &Canary, columns: &[&Column]) -> [String; 3] {
    let kept: Vec<_> = columns.iter().filter(|column| !column.generated).collect();
    let names = list(kept.iter().map(|column| quoted(&column.name)));
    let row = |tenant: &str| {
        let values = list(kept.iter().map(|column| {
            if column.name == canary.column {
                tenant.to_owned()
            } else {
                quoted(&column.name)
            }
        }));
        let table = &canary.quoted;
        format!(
            "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {table} LIMIT 1"
        )
    };
    [row(&canary.first), row(&canary.second), row(&canary.third)]
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
