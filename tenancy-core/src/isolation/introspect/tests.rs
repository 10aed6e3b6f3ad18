use std::collections::HashSet;

use proptest::{collection::vec, prelude::*};

use super::{Looks, looks::tables};
use crate::isolation::audit::facts::{Column, Facts, ForeignKey, Relation};

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
        for (table, (place, looks)) in tables(&facts, &["tenant_id"]).into_iter().enumerate() {
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
                Looks::Register { .. } | Looks::Keyless => prop_assert!(false, "no such table"),
            }
        }
    }
}
