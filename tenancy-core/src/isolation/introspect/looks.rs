//! Whose rows a table seems to hold.

use std::collections::{HashMap, VecDeque};

use super::Looks;
use crate::isolation::audit::facts::{Facts, ForeignKey};

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

/// Each table that is no partition, in order of schema and name. Whether a tenants' table has a key is not
/// asked here.
pub(super) fn tables(facts: &Facts, tenant_columns: &[&str]) -> Vec<(Place, Looks)> {
    let places = facts
        .relations
        .iter()
        .filter(|relation| relation.is_table() && relation.ancestors.is_empty())
        .map(|relation| Place {
            schema: relation.schema.clone(),
            name: relation.name.clone(),
        });
    let references = References::of(facts, tenant_columns);
    places
        .map(|place| {
            let looks = references.looks(&place.full_name());
            (place, looks)
        })
        .collect()
}

/// The tenant's column of a table: the first of the names that it has.
pub(super) fn tenant_column<'n>(
    facts: &Facts,
    table: &str,
    tenant_columns: &[&'n str],
) -> Option<&'n str> {
    tenant_columns.iter().copied().find(|name| {
        facts
            .columns
            .iter()
            .any(|column| column.table == table && column.name == *name)
    })
}

struct References<'f> {
    facts: &'f Facts,
    /// The tables that have one, and it.
    tenant_columns: HashMap<&'f str, &'f str>,
}

impl<'f> References<'f> {
    fn of(facts: &'f Facts, tenant_columns: &[&'f str]) -> Self {
        let tables = facts.columns.iter().map(|column| column.table.as_str());
        Self {
            facts,
            tenant_columns: tables
                .filter_map(|table| Some((table, tenant_column(facts, table, tenant_columns)?)))
                .collect(),
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
        let refers = |key: &&ForeignKey| key.target == table && key.table != table;
        let by = self.facts.foreign_keys.iter().filter(refers).find(|key| {
            self.tenant_columns.contains_key(&*key.table) || self.path(&key.table).is_some()
        });
        match by {
            Some(key) => Looks::ReferredTo {
                by: key.table.as_str().into(),
            },
            None => Looks::Unconnected,
        }
    }

    /// The column that tenant's columns of other tables refer to.
    fn register(&self, table: &str) -> Option<&str> {
        self.facts.foreign_keys.iter().find_map(|key| {
            let own = *self.tenant_columns.get(&*key.table)?;
            match (&*key.columns, &*key.target_columns) {
                ([column], [target]) if key.target == table && column == own => {
                    Some(target.as_str())
                }
                _ => None,
            }
        })
    }

    /// The shortest way along foreign keys to a table that has the tenant's column.
    fn path(&self, table: &str) -> Option<Vec<Box<str>>> {
        let mut came_from: HashMap<&str, &str> = HashMap::new();
        let mut next = VecDeque::from([table]);
        while let Some(here) = next.pop_front() {
            if self.tenant_columns.contains_key(here) {
                return Some(back(&came_from, table, here));
            }
            for key in self
                .facts
                .foreign_keys
                .iter()
                .filter(|key| key.table == here)
            {
                if key.target != table && !came_from.contains_key(&*key.target) {
                    came_from.insert(&key.target, here);
                    next.push_back(&key.target);
                }
            }
        }
        None
    }
}

/// From the first table after `start` to `end`.
fn back(came_from: &HashMap<&str, &str>, start: &str, end: &str) -> Vec<Box<str>> {
    let mut path = vec![Box::from(end)];
    let mut here = end;
    while let Some(&before) = came_from.get(here).filter(|before| **before != start) {
        path.push(before.into());
        here = before;
    }
    path.reverse();
    path
}
