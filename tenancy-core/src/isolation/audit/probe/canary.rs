//! Rows of two tenants that cannot exist: their numbers are above every tenant's.

use std::collections::HashMap;

use sqlx::PgConnection;

use super::{
    super::facts::Relation,
    message::{self, Ran},
};
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
pub(super) struct Column {
    relation: String,
    name: String,
    r#type: String,
    /// Whether a row must name it: a default that counts up takes a right on the sequence.
    needed: bool,
    /// Whether Postgres computes it.
    generated: bool,
    /// Whether it keeps rows of different tenants from being the same.
    unique: bool,
    /// A value of its type for each of the three; null where we know none. Those of a unique column are drawn
    /// from so many that nobody has them, the others are such as checks let in.
    values: Vec<Option<String>>,
}

const COLUMNS: &str = r"
SELECT n.nspname || '.' || c.relname AS relation, a.attname::text AS name,
    format_type(a.atttypid, NULL) AS type,
    a.attnotnull AND a.attidentity = '' AND a.attgenerated = ''
        AND (NOT a.atthasdef OR pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%') AS needed,
    a.attgenerated <> '' AS generated, alone.one AS unique,
    array(
        SELECT CASE
            WHEN base.typname = 'uuid' THEN gen_random_uuid()::text
            WHEN alone.one THEN CASE
                WHEN base.typname = 'int2' THEN (20000 + floor(random() * 12000))::text
                WHEN base.typname = 'int4' THEN (1000000000 + floor(random() * 1000000000))::bigint::text
                WHEN base.typname = 'int8' THEN (8 * 10::numeric ^ 18 + floor(random() * 1e15))::bigint::text
                WHEN base.typname IN ('time', 'timetz')
                    THEN (time '00:00' + random() * 86399 * interval '1 second')::text
                WHEN base.typname = 'jsonb' THEN jsonb_build_object('canary', random())::text
                WHEN base.typname = 'bytea' THEN '\x' || md5(random()::text)
                ELSE CASE base.typcategory
                    WHEN 'N' THEN (100000 + floor(random() * 800000))::text
                    WHEN 'S' THEN left(md5(random()::text), coalesce(nullif(greatest(a.atttypmod, 4) - 4, 0), 32))
                    WHEN 'D' THEN (date '1000-01-01' + floor(random() * 200000)::int)::text
                    WHEN 'T' THEN floor(random() * 1e8)::text
                    WHEN 'I' THEN format('127.%s.%s.%s', floor(random() * 256), floor(random() * 256),
                        floor(random() * 256))
                END
            END
            WHEN base.typname IN ('time', 'timetz') THEN '00:00'
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
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_type base ON base.oid = coalesce(nullif(t.typbasetype, 0), t.oid)
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM pg_index i
        WHERE i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion)
            AND (a.attnum = ANY(i.indkey) OR EXISTS (
                SELECT FROM pg_depend u WHERE u.classid = 'pg_class'::regclass AND u.objid = i.indexrelid
                    AND u.refobjid = c.oid AND u.refobjsubid = a.attnum
            ))
            AND NOT EXISTS (
                SELECT FROM pg_attribute own WHERE own.attrelid = c.oid AND own.attname = ANY($2)
                    AND own.attnum = ANY(i.indkey)
            )
    ) AS one
) alone
WHERE n.nspname || '.' || c.relname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY c.oid, a.attnum";

/// Of these relations, by name.
pub(super) async fn columns(
    connection: &mut PgConnection,
    isolation: &Isolation,
    relations: &[String],
) -> Result<HashMap<String, Vec<Column>>, sqlx::Error> {
    let columns: Vec<Column> = sqlx::query_as(COLUMNS)
        .bind(relations)
        .bind(isolation.tenant_columns())
        .persistent(false)
        .fetch_all(connection)
        .await?;
    let mut of: HashMap<String, Vec<Column>> = HashMap::new();
    for column in columns {
        of.entry(column.relation.clone()).or_default().push(column);
    }
    Ok(of)
}

/// The external keys of the three, where a table's tenant is a UUID.
pub(super) const FENCES: &str = "INSERT INTO tenancy.fence (tenant_id, external, state, lifecycle, epoch, deadline)
    SELECT 4294967296 + n, ('00000000-0000-4000-8000-cacacacaca0' || n)::uuid, 'active', 'active', 1, 0
    FROM generate_series(1, 3) n";

impl Canary {
    /// Or why there can be none.
    pub(super) fn of(
        isolation: &Isolation,
        relation: &Relation,
        columns: &[Column],
    ) -> Result<Self, String> {
        let name = relation.full_name();
        let Some((column, r#type)) = tenant(isolation, &name, columns) else {
            return Err("it has no column of the tenant".to_owned());
        };
        Ok(Self {
            quoted: format!("{}.{}", quoted(&relation.schema), quoted(&relation.name)),
            column,
            rights: relation.rights.clone(),
            first: literal(r#type, FIRST),
            second: literal(r#type, SECOND),
            third: literal(r#type, THIRD),
            insert_third: None,
            relation: name,
        })
    }
}

/// Places rows of the first two in a tenants' table. What would make one of the third, or why it takes none.
pub(super) async fn place(
    connection: &mut PgConnection,
    canary: &Canary,
    columns: &[Column],
) -> Result<Result<String, String>, sqlx::Error> {
    let mut why = format!(
        "{} has a column of a type without a known value",
        canary.relation
    );
    let copied = copied(canary, columns);
    for inserts in made(canary, columns).into_iter().chain([copied]) {
        let [first, second, third] = inserts;
        match placed(connection, &[first, second]).await? {
            Ok(()) => return Ok(Ok(third)),
            Err(refused) => why = format!("{} takes no canary: {refused}", canary.relation),
        }
    }
    Ok(Err(why))
}

/// In a savepoint, so that a row which a constraint refuses does not end the probe.
async fn placed(
    connection: &mut PgConnection,
    inserts: &[String],
) -> Result<Result<(), String>, sqlx::Error> {
    let message = format!("SAVEPOINT tenancy_canary; {}", inserts.join("; "));
    let Ran { rows, refusal } = message::run(connection, &message).await?;
    let why = match refusal {
        Some(refusal) => refusal.message().to_owned(),
        None if rows[1..].contains(&0) => {
            "no row of our making, and it has none to copy".to_owned()
        }
        None => {
            message::all(connection, "RELEASE SAVEPOINT tenancy_canary").await?;
            return Ok(Ok(()));
        }
    };
    message::all(
        connection,
        "ROLLBACK TO SAVEPOINT tenancy_canary; RELEASE SAVEPOINT tenancy_canary",
    )
    .await?;
    Ok(Err(why))
}

/// The declared column, or in another relation one of a declared column's name and of a tenant's type.
fn tenant(
    isolation: &Isolation,
    relation: &str,
    columns: &[Column],
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
fn made(canary: &Canary, columns: &[Column]) -> Option<[String; 3]> {
    let needed: Vec<_> = columns
        .iter()
        .filter(|column| column.needed || column.name == canary.column)
        .collect();
    let names = list(needed.iter().map(|column| quoted(&column.name)));
    let row = |place: usize, tenant: &str| {
        let values: Option<Vec<String>> = needed
            .iter()
            .map(|column| {
                if column.name == canary.column {
                    Some(tenant.to_owned())
                } else {
                    column.value(place)
                }
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
fn copied(canary: &Canary, columns: &[Column]) -> [String; 3] {
    let kept: Vec<_> = columns.iter().filter(|column| !column.generated).collect();
    let names = list(kept.iter().map(|column| quoted(&column.name)));
    let row = |place: usize, tenant: &str| {
        let values = list(kept.iter().map(|column| {
            if column.name == canary.column {
                return tenant.to_owned();
            }
            let own = column.unique.then(|| column.value(place)).flatten();
            own.unwrap_or_else(|| quoted(&column.name))
        }));
        let table = &canary.quoted;
        format!(
            "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {table} LIMIT 1"
        )
    };
    [
        row(0, &canary.first),
        row(1, &canary.second),
        row(2, &canary.third),
    ]
}

impl Column {
    /// As a literal.
    fn value(&self, place: usize) -> Option<String> {
        let value = self.values.get(place)?.as_ref()?;
        Some(format!("'{}'", value.replace('\'', "''")))
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
