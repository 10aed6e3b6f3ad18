//! How a table would be declared if its rows are tenants'.

use super::{FoundTable, Looks, facts::Catalog, looks::Place, tables::Tables};
use crate::{Table, TenantColumn, isolation::audit::facts::Index};

/// The name that a manifest supposes.
const USUAL: &str = "tenant_id";

pub(super) fn table(
    catalog: &Catalog,
    tables: &Tables<'_>,
    tenant_columns: &[&str],
    (place, looks): (Place, Looks),
) -> FoundTable {
    let name = place.full_name();
    let column = match &looks {
        Looks::Register { column } => column.to_string(),
        _ => tables
            .tenant_column(&name, tenant_columns)
            .unwrap_or_else(|| usual(tables, tenant_columns))
            .to_owned(),
    };
    let key = match looks {
        // What others refer to names a row by itself.
        Looks::Register { .. } => Some(Key {
            leads: primary(tables, &name).is_some_and(|key| key == [&*column]),
            rest: Vec::new(),
        }),
        _ => Key::of(tables, &name, &column),
    };
    let looks = narrowed(looks, catalog, tables, (&name, &column), key.is_some());
    let Key { leads, rest } = key.unwrap_or_default();
    let keys = whole_keys(tables, &name, &column);
    let has_unique = leads || keys.iter().any(|key| is_key(key, &column, &rest));
    let needs_unique = (looks != Looks::Keyless && !has_unique)
        .then(|| [&[&*column], &*rest].concat().join(", ").into());
    let declared = declared(catalog, tables, &place, (&column, &rest));
    let table = if leads {
        declared
    } else {
        declared.keeps_primary_key()
    };
    FoundTable {
        below: below(tables, &table),
        table,
        looks,
        needs_unique,
        refused: None,
    }
}

/// What has the tenant's column is the tenants' only with a key and a column that policies can compare.
fn narrowed(
    looks: Looks,
    catalog: &Catalog,
    tables: &Tables<'_>,
    (table, column): (&str, &str),
    has_key: bool,
) -> Looks {
    if looks != Looks::Tenants {
        return looks;
    }
    let mut columns = tables.columns(table).iter();
    match columns.find(|one| one.name == column) {
        Some(own) if !matches!(&*own.r#type, "bigint" | "uuid") => Looks::OtherType {
            column: column.into(),
            found: own.r#type.as_str().into(),
            domain_over: catalog.domain_over(table, column).map(Box::from),
        },
        _ if has_key => Looks::Tenants,
        _ => Looks::Keyless,
    }
}

/// What names a row.
#[derive(Default)]
struct Key<'f> {
    /// Whether it is the primary key and starts with the tenant.
    leads: bool,
    /// Its columns but the tenant's.
    rest: Vec<&'f str>,
}

impl<'f> Key<'f> {
    /// The primary key, or the first key that starts with the tenant.
    fn of(tables: &Tables<'f>, table: &str, column: &str) -> Option<Self> {
        let starts = |key: &Vec<&str>| key.first() == Some(&column);
        let primary = primary(tables, table);
        let leads = primary.as_ref().is_some_and(starts);
        let found =
            primary.or_else(|| whole_keys(tables, table, column).into_iter().find(starts))?;
        let rest = found.into_iter().filter(|part| *part != column).collect();
        Some(Self { leads, rest })
    }
}

/// The name that a table would get which has none of them: one that others have.
fn usual<'n>(tables: &Tables<'_>, tenant_columns: &[&'n str]) -> &'n str {
    let mut names = tenant_columns.iter();
    let found = names.find(|name| tables.named(name).is_some());
    found.or(tenant_columns.first()).copied().unwrap_or(USUAL)
}

fn declared(
    catalog: &Catalog,
    tables: &Tables<'_>,
    place: &Place,
    (column, key): (&str, &[&str]),
) -> Table {
    let name = place.full_name();
    let table = match tenant_type(catalog, tables, &name, column) {
        TenantColumn::BigInt => Table::tenant(&place.name, key.iter().copied()),
        TenantColumn::Uuid => Table::tenant_uuid(&place.name, key.iter().copied()),
    };
    let table = table.tenant_column(column).schema(&place.schema);
    let hash = catalog
        .hashes
        .get(&name)
        .filter(|hash| hash.column == column);
    let table = match hash {
        Some(hash) => table.partitioned(hash.partitions),
        None => table,
    };
    parents(tables, &name)
        .into_iter()
        .fold(table, Table::parent)
}

/// The column's own type, or that of the others of its name where the table has none yet.
fn tenant_type(catalog: &Catalog, tables: &Tables<'_>, table: &str, column: &str) -> TenantColumn {
    let mut own = tables.columns(table).iter();
    let found = own.find(|one| one.name == column).copied();
    let Some(found) = found.or_else(|| tables.named(column)) else {
        return TenantColumn::BigInt;
    };
    let base = catalog.domain_over(&found.table, &found.name);
    if base.unwrap_or(&found.r#type) == "uuid" {
        TenantColumn::Uuid
    } else {
        TenantColumn::BigInt
    }
}

/// The names of the tables that it refers to, each once. A manifest knows tables by name alone.
fn parents<'t>(tables: &'t Tables<'_>, table: &str) -> Vec<&'t str> {
    let mut parents = Vec::new();
    for reference in tables.from(table) {
        let (_, parent) = reference.to.split_once('.').unwrap_or(("", &reference.to));
        if !parents.contains(&parent) {
            parents.push(parent);
        }
    }
    parents
}

/// But the partitions that the manifest has by its own.
fn below(tables: &Tables<'_>, table: &Table) -> Vec<Box<str>> {
    let own: Vec<String> = (0..table.partitions().map_or(0, u16::from))
        .map(|number| table.partition(number))
        .collect();
    let name = format!("{}.{}", table.schema_name(), table.name());
    let below = tables.below(&name).iter();
    let others = below.filter(|one| one.schema != table.schema_name() || !own.contains(&one.name));
    others.map(|one| one.full_name().into()).collect()
}

fn primary<'f>(tables: &Tables<'f>, table: &str) -> Option<Vec<&'f str>> {
    let mut indexes = tables.indexes(table).iter();
    columns(indexes.find(|index| index.primary && index.immediate)?)
}

/// The keys that hold for every row at any moment, the primary one among them. That the tenant's column may
/// still be null is a finding of its own.
fn whole_keys<'f>(tables: &Tables<'f>, table: &str, tenant: &str) -> Vec<Vec<&'f str>> {
    let nullable: Vec<&str> = tables
        .columns(table)
        .iter()
        .filter(|column| !column.not_null && column.name != tenant)
        .map(|column| column.name.as_str())
        .collect();
    let indexes = tables.indexes(table).iter();
    let unique = indexes.filter(|index| index.unique && index.immediate && !index.partial);
    unique
        .filter_map(|index| columns(index))
        .filter(|key| !key.iter().any(|column| nullable.contains(column)))
        .collect()
}

/// `None` where the index is over an expression.
fn columns(index: &Index) -> Option<Vec<&str>> {
    index.columns.iter().map(Option::as_deref).collect()
}

/// Whether it starts with the tenant and goes on with the others, in any order.
fn is_key(found: &[&str], column: &str, rest: &[&str]) -> bool {
    found.split_first().is_some_and(|(first, others)| {
        *first == column
            && others.len() == rest.len()
            && rest.iter().all(|part| others.contains(part))
    })
}
