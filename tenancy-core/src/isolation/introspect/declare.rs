//! How a table would be declared if its rows are tenants'.

use super::{
    FoundTable, Looks,
    facts::Catalog,
    looks::{Place, tenant_column},
};
use crate::{
    Table, TenantColumn,
    isolation::audit::facts::{Facts, Index},
};

/// The name that a manifest supposes.
const USUAL: &str = "tenant_id";

pub(super) fn table(
    catalog: &Catalog,
    tenant_columns: &[&str],
    place: &Place,
    looks: Looks,
) -> FoundTable {
    let facts = &catalog.facts;
    let name = place.full_name();
    let column = match &looks {
        Looks::Register { column } => column.to_string(),
        _ => tenant_column(facts, &name, tenant_columns)
            .unwrap_or_else(|| usual(facts, tenant_columns))
            .to_owned(),
    };
    let key = Key::of(facts, &name, &column);
    let looks = match looks {
        Looks::Tenants if key.is_none() => Looks::Keyless,
        other => other,
    };
    let Key { leads, rest } = key.unwrap_or_default();
    let has_unique = || {
        let keys = whole_keys(facts, &name, &column);
        keys.iter().any(|key| is_key(key, &column, &rest))
    };
    let needs_unique = (looks == Looks::Tenants && !leads && !has_unique())
        .then(|| [&[&*column], &*rest].concat().join(", ").into());
    let declared = declared(catalog, place, &column, &rest);
    FoundTable {
        table: if leads {
            declared
        } else {
            declared.keeps_primary_key()
        },
        looks,
        needs_unique,
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
    fn of(facts: &'f Facts, table: &str, column: &str) -> Option<Self> {
        let starts = |key: &Vec<&str>| key.first() == Some(&column);
        let primary = primary(facts, table);
        let leads = primary.as_ref().is_some_and(starts);
        let found =
            primary.or_else(|| whole_keys(facts, table, column).into_iter().find(starts))?;
        let rest = found.into_iter().filter(|part| *part != column).collect();
        Some(Self { leads, rest })
    }
}

/// The name that a table would get which has none of them: one that others have.
fn usual<'n>(facts: &Facts, tenant_columns: &[&'n str]) -> &'n str {
    let is_somewhere = |name: &&&str| facts.columns.iter().any(|column| column.name == **name);
    let found = tenant_columns.iter().find(is_somewhere);
    found.or(tenant_columns.first()).copied().unwrap_or(USUAL)
}

fn declared(catalog: &Catalog, place: &Place, column: &str, key: &[&str]) -> Table {
    let facts = &catalog.facts;
    let name = place.full_name();
    let table = match tenant_type(facts, &name, column) {
        TenantColumn::BigInt => Table::tenant(&place.name, key.iter().copied()),
        TenantColumn::Uuid => Table::tenant_uuid(&place.name, key.iter().copied()),
    };
    let table = table.tenant_column(column).schema(&place.schema);
    let hash = catalog
        .hashes
        .iter()
        .find(|hash| hash.table == name && hash.column == column);
    let table = match hash {
        Some(hash) => table.partitioned(hash.partitions),
        None => table,
    };
    parents(facts, &name).into_iter().fold(table, Table::parent)
}

/// The column's own type, or that of the others of its name where the table has none yet.
fn tenant_type(facts: &Facts, table: &str, column: &str) -> TenantColumn {
    let named = || facts.columns.iter().filter(|one| one.name == column);
    let found = named()
        .find(|one| one.table == table)
        .or_else(|| named().next());
    if found.is_some_and(|found| found.r#type == "uuid") {
        TenantColumn::Uuid
    } else {
        TenantColumn::BigInt
    }
}

/// The names of the tables that it refers to, each once. A manifest knows tables by name alone.
fn parents<'f>(facts: &'f Facts, table: &str) -> Vec<&'f str> {
    let mut parents = Vec::new();
    for key in facts.foreign_keys.iter().filter(|key| key.table == table) {
        let (_, parent) = key.target.split_once('.').unwrap_or(("", &key.target));
        if !parents.contains(&parent) {
            parents.push(parent);
        }
    }
    parents
}

fn primary<'f>(facts: &'f Facts, table: &str) -> Option<Vec<&'f str>> {
    let mut indexes = facts.indexes.iter().filter(|index| index.table == table);
    columns(indexes.find(|index| index.primary && index.immediate)?)
}

/// The keys that hold for every row at any moment, the primary one among them. That the tenant's column may
/// still be null is a finding of its own.
fn whole_keys<'f>(facts: &'f Facts, table: &str, tenant: &str) -> Vec<Vec<&'f str>> {
    let nullable: Vec<&str> = facts
        .columns
        .iter()
        .filter(|column| column.table == table && !column.not_null && column.name != tenant)
        .map(|column| column.name.as_str())
        .collect();
    let indexes = facts.indexes.iter().filter(|index| index.table == table);
    let unique = indexes.filter(|index| index.unique && index.immediate && !index.partial);
    unique
        .filter_map(columns)
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
