use std::collections::{BTreeSet, HashMap};

use super::{ManifestError, Table};

/// Tables with each after its parents, otherwise as declared. A table may be its own parent (a tree of rows).
///
/// Takes the first table whose parents are all placed, again and again.
pub(super) fn parents_first(tables: Vec<Table>) -> Result<Vec<Table>, ManifestError> {
    let places: HashMap<&str, usize> = tables
        .iter()
        .enumerate()
        .map(|(place, table)| (table.name(), place))
        .collect();
    let mut missing = vec![0_usize; tables.len()];
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); tables.len()];
    for (place, table) in tables.iter().enumerate() {
        for parent in table.parents() {
            let Some(&above) = places.get(&**parent) else {
                return Err(ManifestError::UnknownParent {
                    table: table.name().into(),
                    parent: parent.clone(),
                });
            };
            if above != place {
                missing[place] += 1;
                children[above].push(place);
            }
        }
    }
    let is_ready = |place: &usize| missing[*place] == 0;
    let mut ready: BTreeSet<usize> = (0..tables.len()).filter(is_ready).collect();
    let mut order = Vec::with_capacity(tables.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for child in &children[next] {
            missing[*child] -= 1;
            if missing[*child] == 0 {
                ready.insert(*child);
            }
        }
    }
    if let Some(left) = missing.iter().position(|parents| *parents > 0) {
        let table = tables[left].name().into();
        return Err(ManifestError::Cycle { table });
    }
    let mut tables: Vec<Option<Table>> = tables.into_iter().map(Some).collect();
    let placed = order.into_iter().map(|place| tables[place].take());
    Ok(placed.flatten().collect())
}
