//! Whose rows a table seems to hold.

use std::collections::{HashMap, VecDeque};

use super::{Looks, tables::Tables};

/// A table by schema and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) schema: String,
    pub(super) name: String,
}

impl Place {
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }
}

/// Each table that stands for itself, in order of schema and name. Whether a tenants' table has a key, and its
/// column a type that can be compared, is not asked here.
pub(super) fn tables(tables: &Tables<'_>, tenant_columns: &[&str]) -> Vec<(Place, Looks)> {
    let references = References::of(tables, tenant_columns);
    let places = tables.places().map(|relation| Place {
        schema: relation.schema.clone(),
        name: relation.name.clone(),
    });
    places
        .map(|place| {
            let looks = references.looks(&place.full_name());
            (place, looks)
        })
        .collect()
}

struct References<'t> {
    tables: &'t Tables<'t>,
    /// The tables that have one, and it.
    tenant_columns: HashMap<String, &'t str>,
    /// Of tables that refer to tenants', the next one on a shortest way there.
    towards: HashMap<String, String>,
}

impl<'t> References<'t> {
    fn of(tables: &'t Tables<'t>, tenant_columns: &[&'t str]) -> Self {
        let owned = tables.places().filter_map(|relation| {
            let name = relation.full_name();
            let column = tables.tenant_column(&name, tenant_columns)?;
            Some((name, column))
        });
        let owned: Vec<(String, &str)> = owned.collect();
        let mut next: VecDeque<String> = owned.iter().map(|(name, _)| name.clone()).collect();
        let tenant_columns: HashMap<String, &str> = owned.into_iter().collect();
        let mut towards: HashMap<String, String> = HashMap::new();
        // From all tenants' tables at once, against the direction of the references.
        while let Some(here) = next.pop_front() {
            for reference in tables.to(&here) {
                let from = &reference.from;
                if !tenant_columns.contains_key(from) && !towards.contains_key(from) {
                    towards.insert(from.clone(), here.clone());
                    next.push_back(from.clone());
                }
            }
        }
        Self {
            tables,
            tenant_columns,
            towards,
        }
    }

    fn looks(&self, table: &str) -> Looks {
        if self.tenant_columns.contains_key(table) {
            return Looks::Tenants;
        }
        if let Some(column) = self.register(table) {
            return Looks::Register {
                column: column.into(),
            };
        }
        if let Some(path) = self.path(table) {
            return Looks::RefersToTenants { path };
        }
        let by = self.tables.to(table).find(|reference| {
            self.tenant_columns.contains_key(&reference.from)
                || self.towards.contains_key(&reference.from)
        });
        match by {
            Some(reference) => Looks::ReferredTo {
                by: reference.from.as_str().into(),
            },
            None => Looks::Unconnected,
        }
    }

    /// The column that tenant's columns of other tables refer to.
    fn register(&self, table: &str) -> Option<&str> {
        self.tables.to(table).find_map(|reference| {
            let own = *self.tenant_columns.get(&reference.from)?;
            let key = reference.key;
            match (&*key.columns, &*key.target_columns) {
                ([column], [target]) if column == own => Some(target.as_str()),
                _ => None,
            }
        })
    }

    /// A shortest way along foreign keys to a table that has the tenant's column.
    fn path(&self, table: &str) -> Option<Vec<Box<str>>> {
        let mut path = Vec::new();
        let mut here = self.towards.get(table)?;
        loop {
            path.push(here.as_str().into());
            match self.towards.get(here) {
                Some(next) => here = next,
                None => return Some(path),
            }
        }
    }
}
