//! Searches that would use an index from which row security keeps queries.

use std::collections::HashMap;

use super::{
    FoundTable, Looks,
    facts::{Catalog, Detail},
    tables::Tables,
};
use crate::{Manifest, SearchDocument, SearchFunction, isolation::audit::facts::Index};

/// The longest name of an index that is a search's, whose function is called `search_{name}`.
const LONGEST: usize = 56;

pub(super) fn candidates(
    catalog: &Catalog,
    tables: &Tables<'_>,
    found: &[FoundTable],
) -> Vec<SearchFunction> {
    let details: HashMap<(&str, &str), &Detail> = catalog
        .details
        .iter()
        .map(|detail| ((&*detail.table, &*detail.name), detail))
        .collect();
    let tenants = found
        .iter()
        .filter(|found| found.looks == Looks::Tenants && found.refused.is_none());
    tenants
        .flat_map(|found| {
            let name = found.full_name();
            let indexes = tables.indexes(&name).iter().filter(|index| index.blind);
            let candidates = indexes.filter_map(|index| {
                let detail = details.get(&(&*index.table, &*index.name))?;
                candidate(tables, found, index, detail)
            });
            candidates.collect::<Vec<_>>()
        })
        .collect()
}

/// `None` where no search would use it, such as one for trigrams, or where it takes a person to read what it
/// holds.
fn candidate(
    tables: &Tables<'_>,
    found: &FoundTable,
    index: &Index,
    detail: &Detail,
) -> Option<SearchFunction> {
    let manifest = Manifest::new([found.table.clone().without_parents()]).ok()?;
    let search = search(tables, found, index, detail)?;
    manifest.with_searches([search.clone()]).ok()?;
    Some(search)
}

fn search(
    tables: &Tables<'_>,
    found: &FoundTable,
    index: &Index,
    detail: &Detail,
) -> Option<SearchFunction> {
    let (name, table) = (&index.name, found.table.name());
    let name = name.get(..LONGEST).unwrap_or(name);
    if let Some(sql) = &detail.expression {
        let document = SearchDocument::Expression(sql.as_str().into());
        return Some(SearchFunction::full_text(
            name,
            table,
            document,
            config(sql)?,
        ));
    }
    // An index for a prefix may begin with the tenant.
    let column = index.columns.last()?.as_deref()?;
    let mut columns = tables.columns(&index.table).iter();
    let kind = columns.find(|one| one.name == column)?;
    match kind.r#type.as_str() {
        "tsvector" => {
            let document = SearchDocument::column(column);
            Some(SearchFunction::full_text(name, table, document, "simple"))
        }
        "jsonb" => Some(SearchFunction::json(name, table, column)),
        "text" | "character varying" if detail.pattern => {
            Some(SearchFunction::prefix(name, table, column))
        }
        _ => None,
    }
}

/// `english` of `to_tsvector('english'::regconfig, title)`.
fn config(expression: &str) -> Option<&str> {
    let (_, rest) = expression.split_once("to_tsvector('")?;
    Some(rest.split_once('\'')?.0)
}
