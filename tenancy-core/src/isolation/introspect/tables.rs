//! The facts by table: a schema may have thousands.

use std::collections::{BTreeMap, HashMap};

use crate::isolation::audit::facts::{Column, Facts, ForeignKey, Index, Relation};

/// The journal of the family's own schema runner: it can be in no manifest, and nobody is asked about it.
const JOURNAL: &str = "tenancy_schema_journal";

#[derive(Debug, Default)]
pub(super) struct Tables<'f> {
    /// Those that stand for themselves, by full name: no partitions, and none that inherit.
    places: BTreeMap<String, &'f Relation>,
    columns: HashMap<&'f str, Vec<&'f Column>>,
    /// The first of each name.
    named: HashMap<&'f str, &'f Column>,
    indexes: HashMap<&'f str, Vec<&'f Index>>,
    references: Vec<Reference<'f>>,
    from: HashMap<String, Vec<usize>>,
    to: HashMap<String, Vec<usize>>,
    below: HashMap<String, Vec<&'f Relation>>,
}

/// A foreign key between tables that stand for themselves: what a partition refers to, or what refers to one,
/// is its table's.
#[derive(Debug)]
pub(super) struct Reference<'f> {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) key: &'f ForeignKey,
}

impl<'f> Tables<'f> {
    pub(super) fn of(facts: &'f Facts) -> Self {
        let mut tables = Self::default();
        let mut all: HashMap<String, &Relation> = HashMap::new();
        for relation in facts.relations.iter().filter(|one| one.is_table()) {
            if relation.ancestors.is_empty() && relation.name != JOURNAL {
                tables.places.insert(relation.full_name(), relation);
            }
            all.insert(relation.full_name(), relation);
        }
        for relation in facts.relations.iter() {
            for above in &relation.ancestors {
                if tables.places.contains_key(above) {
                    tables
                        .below
                        .entry(above.clone())
                        .or_default()
                        .push(relation);
                }
            }
        }
        for column in &facts.columns {
            tables
                .columns
                .entry(&column.table)
                .or_default()
                .push(column);
            tables.named.entry(&column.name).or_insert(column);
        }
        for index in &facts.indexes {
            tables.indexes.entry(&index.table).or_default().push(index);
        }
        let standing = |name: &str| {
            let mut above = all.get(name)?.ancestors.iter().map(String::as_str);
            let mut names = std::iter::once(name).chain(&mut above);
            let found = names.find(|name| tables.places.contains_key(*name))?;
            Some(found.to_owned())
        };
        let references = facts.foreign_keys.iter().filter_map(|key| {
            let (from, to) = (standing(&key.table)?, standing(&key.target)?);
            Some(Reference { from, to, key })
        });
        tables.references = references.collect();
        for (place, reference) in tables.references.iter().enumerate() {
            let from = tables.from.entry(reference.from.clone()).or_default();
            from.push(place);
            tables
                .to
                .entry(reference.to.clone())
                .or_default()
                .push(place);
        }
        tables
    }

    /// In order of schema and name.
    pub(super) fn places(&self) -> impl Iterator<Item = &'f Relation> {
        let mut places: Vec<&Relation> = self.places.values().copied().collect();
        places.sort_by_key(|relation| (&relation.schema, &relation.name));
        places.into_iter()
    }

    pub(super) fn columns(&self, table: &str) -> &[&'f Column] {
        self.columns.get(table).map_or(&[], Vec::as_slice)
    }

    /// The first column of this name, in whatever table.
    pub(super) fn named(&self, column: &str) -> Option<&'f Column> {
        self.named.get(column).copied()
    }

    pub(super) fn indexes(&self, table: &str) -> &[&'f Index] {
        self.indexes.get(table).map_or(&[], Vec::as_slice)
    }

    /// What a table refers to.
    pub(super) fn from(&self, table: &str) -> impl Iterator<Item = &Reference<'f>> {
        let found = self.from.get(table).into_iter().flatten();
        found.map(|place| &self.references[*place])
    }

    /// What refers to a table.
    pub(super) fn to(&self, table: &str) -> impl Iterator<Item = &Reference<'f>> {
        let found = self.to.get(table).into_iter().flatten();
        found.map(|place| &self.references[*place])
    }

    /// Its partitions, and the tables that inherit from it, at any distance.
    pub(super) fn below(&self, table: &str) -> &[&'f Relation] {
        self.below.get(table).map_or(&[], Vec::as_slice)
    }

    /// The tenant's column of a table: the first of the names that it has.
    pub(super) fn tenant_column<'n>(
        &self,
        table: &str,
        tenant_columns: &[&'n str],
    ) -> Option<&'n str> {
        let has = |name: &&str| {
            self.columns(table)
                .iter()
                .any(|column| column.name == *name)
        };
        tenant_columns.iter().copied().find(has)
    }
}
