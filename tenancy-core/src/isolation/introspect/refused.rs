//! Which tables no manifest takes as they are.

use std::collections::{HashMap, HashSet};

use super::FoundTable;
use crate::{Manifest, ManifestError};

/// Says of each table why it can be in no manifest, whatever somebody decides about it.
pub(super) fn mark(tables: &mut [FoundTable]) {
    let mut names: HashMap<Box<str>, usize> = HashMap::new();
    for found in &*tables {
        *names.entry(found.table.name().into()).or_default() += 1;
    }
    let circle = circle(tables);
    for (place, found) in tables.iter_mut().enumerate() {
        let table = found.table.name();
        let by_itself = Manifest::new([found.table.clone().without_parents()]).err();
        found.refused = if by_itself.is_some() {
            by_itself
        } else if names[table] > 1 {
            let table = table.into();
            Some(ManifestError::DuplicateTable { table })
        } else if circle.contains(&place) {
            let table = table.into();
            Some(ManifestError::Cycle { table })
        } else {
            None
        };
    }
}

/// The tables that refer to each other in a circle, or stand between two circles: what is left when those
/// without parents are taken away, and those without children, again and again.
fn circle(tables: &[FoundTable]) -> HashSet<usize> {
    let places: HashMap<&str, usize> = tables
        .iter()
        .enumerate()
        .map(|(place, found)| (found.table.name(), place))
        .collect();
    let references: Vec<(usize, usize)> = tables
        .iter()
        .enumerate()
        .flat_map(|(from, found)| {
            let parents = found.table.parents().iter();
            parents
                .filter_map(|parent| places.get(&**parent))
                .map(move |to| (from, *to))
        })
        .filter(|(from, to)| from != to)
        .collect();
    let backwards: Vec<(usize, usize)> = references.iter().map(|(from, to)| (*to, *from)).collect();
    let left = trimmed((0..tables.len()).collect(), &references);
    trimmed(left, &backwards)
}

/// Without those from which no reference leads to another that is left.
fn trimmed(mut left: HashSet<usize>, references: &[(usize, usize)]) -> HashSet<usize> {
    let mut leads: HashMap<usize, usize> = HashMap::new();
    let mut to: HashMap<usize, Vec<usize>> = HashMap::new();
    for (from, target) in references {
        if left.contains(from) && left.contains(target) {
            *leads.entry(*from).or_default() += 1;
            to.entry(*target).or_default().push(*from);
        }
    }
    let mut free: Vec<usize> = left
        .iter()
        .copied()
        .filter(|one| !leads.contains_key(one))
        .collect();
    while let Some(one) = free.pop() {
        left.remove(&one);
        for from in to.remove(&one).unwrap_or_default() {
            let count = leads.get_mut(&from).expect("each reference was counted");
            *count -= 1;
            if *count == 0 {
                free.push(from);
            }
        }
    }
    left
}

/// What to do about it.
#[cfg(feature = "cli")]
pub(super) const fn advice(refused: &ManifestError) -> &'static str {
    match refused {
        ManifestError::InvalidIdentifier { .. } => {
            "a manifest has plain names alone: rename it (ALTER TABLE … RENAME), and write it without quotes"
        }
        ManifestError::DuplicateTable { .. } => {
            "a manifest knows tables by their names alone, whatever their schema: rename one"
        }
        ManifestError::Cycle { .. } => {
            "a manifest needs an order in which rows are copied: leave a parent out, whose foreign key is deferrable"
        }
        _ => "rename it (ALTER TABLE … RENAME)",
    }
}
