//! Searches that would use an index from which row security keeps queries.

use super::{FoundTable, Looks, facts::Catalog};
use crate::{
    SearchDocument, SearchFunction, isolation::audit::facts::Index, manifest::identifier::is_plain,
};

pub(super) fn candidates(catalog: &Catalog, tables: &[FoundTable]) -> Vec<SearchFunction> {
    let tenants = tables.iter().filter(|found| found.looks == Looks::Tenants);
    tenants
        .flat_map(|found| {
            let name = found.full_name();
            let indexes = catalog.facts.indexes.iter();
            indexes
                .filter(move |index| index.blind && index.table == name)
                .filter_map(|index| candidate(catalog, found, index))
        })
        .collect()
}

/// `None` where no search would use it, such as one for trigrams, or where it takes a person to read what it
/// holds.
fn candidate(catalog: &Catalog, found: &FoundTable, index: &Index) -> Option<SearchFunction> {
    let (name, table) = (&*index.name, found.table.name());
    let is_it =
        |detail: &&super::facts::Detail| detail.table == index.table && detail.name == index.name;
    let detail = catalog.details.iter().find(is_it)?;
    if let Some(sql) = &detail.expression {
        let config = config(sql)?;
        let document = SearchDocument::Expression(sql.as_str().into());
        return is_plain(config).then(|| SearchFunction::full_text(name, table, document, config));
    }
    // An index for a prefix may begin with the tenant.
    let column = index.columns.last()?.as_deref()?;
    let columns = &catalog.facts.columns;
    let kind = columns
        .iter()
        .find(|one| one.table == index.table && one.name == column)?;
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
