use std::collections::HashSet;

use proptest::{collection::vec, prelude::*};

use super::{FoundTable, Looks, looks, refused, tables::Tables};
use crate::{
    Manifest, Table,
    isolation::audit::facts::{Column, Facts, ForeignKey, Relation},
};

const TABLES: usize = 6;

fn name(table: usize) -> String {
    format!("public.t{table}")
}

/// Tables with these references, of which some have the tenant's column.
fn facts(references: &[(usize, usize)], tenants: &[bool]) -> Facts {
    let relation = |table| Relation {
        schema: "public".into(),
        name: format!("t{table}"),
        kind: "r".into(),
        owner: "somebody".into(),
        enabled: false,
        forced: false,
        invoker: false,
        ancestors: Vec::new(),
        has_tenant: false,
        rights: Vec::new(),
    };
    let column = |table, column: &str| Column {
        table: name(table),
        name: column.into(),
        r#type: "bigint".into(),
        not_null: true,
        numbered: false,
    };
    let key = |(place, &(from, to)): (usize, &(usize, usize))| ForeignKey {
        table: name(from),
        name: format!("key{place}"),
        columns: vec![format!("t{to}_id")],
        target: name(to),
        target_columns: vec!["id".into()],
        acts: false,
    };
    let owned = (0..TABLES).filter(|table| tenants[*table]);
    Facts {
        connected_as: String::new(),
        roles: Vec::new(),
        relations: (0..TABLES).map(relation).collect(),
        columns: (0..TABLES)
            .map(|table| column(table, "id"))
            .chain(owned.map(|table| column(table, "tenant_id")))
            .collect(),
        policies: Vec::new(),
        indexes: Vec::new(),
        foreign_keys: references.iter().enumerate().map(key).collect(),
        triggers: Vec::new(),
        functions: Vec::new(),
        surroundings: Vec::new(),
        own: Vec::new(),
    }
}

/// How many references lead from each table to a tenants' one, at least; by asking the neighbours again and
/// again.
fn distances(references: &[(usize, usize)], tenants: &[bool]) -> Vec<Option<usize>> {
    let mut found: Vec<Option<usize>> = tenants.iter().map(|is| is.then_some(0)).collect();
    for _ in 0..TABLES {
        for &(from, to) in references {
            let further = found[to].map(|distance| distance + 1);
            if let Some(further) = further {
                found[from] = Some(found[from].map_or(further, |known| known.min(further)));
            }
        }
    }
    found
}

proptest! {
    #[test]
    fn a_guess_has_its_reason(
        references in vec((0..TABLES, 0..TABLES), 0..10),
        tenants in vec(any::<bool>(), TABLES),
    ) {
        let facts = facts(&references, &tenants);
        let distances = distances(&references, &tenants);
        let refers: HashSet<(String, String)> =
            references.iter().map(|(from, to)| (name(*from), name(*to))).collect();
        for (table, (place, looks)) in looks::tables(&Tables::of(&facts), &["tenant_id"]).into_iter().enumerate() {
            prop_assert_eq!(place.full_name(), name(table));
            let connected = |one: &usize| {
                references.contains(&(*one, table)) && *one != table && distances[*one].is_some()
            };
            match looks {
                Looks::Tenants => prop_assert!(tenants[table]),
                Looks::RefersToTenants { path } => {
                    prop_assert_eq!(Some(path.len()), distances[table]);
                    let mut here = name(table);
                    for next in path {
                        prop_assert!(refers.contains(&(here, next.to_string())));
                        here = next.into();
                    }
                    prop_assert!((0..TABLES).any(|one| tenants[one] && name(one) == here));
                }
                Looks::ReferredTo { by } => {
                    prop_assert_eq!(distances[table], None);
                    prop_assert!((0..TABLES).filter(connected).any(|one| name(one) == *by));
                }
                Looks::Unconnected => {
                    prop_assert_eq!(distances[table], None);
                    prop_assert!(!(0..TABLES).any(|one| connected(&one)));
                }
                Looks::Register { .. } | Looks::Keyless | Looks::OtherType { .. } => prop_assert!(false, "no such table"),
            }
        }
    }

    /// Tables are refused for a circle exactly where they make no manifest, and the others make one.
    #[test]
    fn what_is_refused_for_a_circle_leaves_a_manifest(
        references in vec((0..TABLES, 0..TABLES), 0..10),
    ) {
        let found = |number: usize| {
            let parents = references.iter().filter(|(from, _)| *from == number);
            let start = Table::tenant(&format!("t{number}"), ["id"]);
            FoundTable {
                table: parents.fold(start, |table, (_, to)| table.parent(&format!("t{to}"))),
                looks: Looks::Tenants,
                needs_unique: None,
                below: Vec::new(),
                refused: None,
            }
        };
        let mut tables: Vec<FoundTable> = (0..TABLES).map(found).collect();
        refused::mark(&mut tables);
        let any = tables.iter().any(|found| found.refused.is_some());
        let all = tables.iter().map(|found| found.table.clone());
        prop_assert_eq!(Manifest::new(all).is_err(), any);
        let left = tables.iter().filter(|found| found.refused.is_none());
        let names: HashSet<&str> = left.clone().map(|found| found.table.name()).collect();
        let left = left.map(|found| {
            let bare = found.table.clone().without_parents();
            let parents = found.table.parents().iter();
            parents.filter(|parent| names.contains(&***parent)).fold(bare, |table, parent| table.parent(parent))
        });
        prop_assert!(Manifest::new(left).is_ok());
    }
}
