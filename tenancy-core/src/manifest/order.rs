use std::collections::HashSet;

use super::{ManifestError, Table};

/// Tables with each after its parents, otherwise as declared. A table may be its own parent (a tree of rows).
///
/// Takes the first table whose parents are all placed, again and again: quadratic in the number of tables,
/// of which there are dozens.
pub(super) fn parents_first(mut waiting: Vec<Table>) -> Result<Vec<Table>, ManifestError> {
    let declared: HashSet<&str> = waiting.iter().map(Table::name).collect();
    for table in &waiting {
        if let Some(parent) = table.parents().iter().find(|p| !declared.contains(&***p)) {
            return Err(ManifestError::UnknownParent {
                table: table.name().into(),
                parent: parent.clone(),
            });
        }
    }
    let mut placed: Vec<Table> = Vec::with_capacity(waiting.len());
    while let Some(first) = waiting.first() {
        let ready = waiting.iter().position(|table| {
            table.parents().iter().all(|parent| {
                **parent == *table.name() || placed.iter().any(|done| *done.name() == **parent)
            })
        });
        let Some(ready) = ready else {
            return Err(ManifestError::Cycle {
                table: first.name().into(),
            });
        };
        placed.push(waiting.remove(ready));
    }
    Ok(placed)
}
