//! Whoever wants only the limiter compiles little.

use std::collections::BTreeSet;

use anyhow::Result;

use super::Report;
use crate::process::{cargo, output};

const PACKAGE: &str = "tenancy-rate-limit";
/// Crates in its tree, itself and its build-time helpers included.
const MOST: usize = 20;
const NEVER: [&str; 3] = ["sqlx", "idna", "axum"];

pub(super) fn run() -> Result<Report> {
    let tree = output(&mut cargo([
        "tree", "--locked", "-p", PACKAGE, "-e", "normal", "--prefix", "none", "--format", "{p}",
    ]))?;
    Ok(Report {
        problems: judge(&tree),
        warnings: Vec::new(),
    })
}

/// `tree` names one crate a line as `name version …`, some of them more than once.
fn judge(tree: &str) -> Vec<String> {
    let crates: BTreeSet<Vec<&str>> = tree
        .lines()
        .map(|line| line.split_whitespace().take(2).collect())
        .collect();
    let mut problems: Vec<String> = NEVER
        .iter()
        .filter(|never| crates.iter().any(|found| found.first() == Some(never)))
        .map(|never| format!("{PACKAGE} depends on {never}"))
        .collect();
    if crates.len() > MOST {
        let names: Vec<&str> = crates
            .iter()
            .filter_map(|found| found.first().copied())
            .collect();
        problems.push(format!(
            "{PACKAGE} compiles {} crates, at most {MOST} are allowed: {}",
            crates.len(),
            names.join(" ")
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::{MOST, PACKAGE, judge};

    fn tree(crates: usize) -> String {
        (0..crates)
            .map(|number| format!("crate-{number} v1.0.0\n"))
            .collect()
    }

    #[test]
    fn crates_are_counted_once() {
        assert_eq!(judge(&tree(MOST)), [""; 0]);
        assert_eq!(judge(&(tree(MOST) + &tree(MOST))), [""; 0]);
        assert_eq!(judge(&tree(MOST + 1)).len(), 1);
    }

    #[test]
    fn heavy_crates_are_named() {
        assert_eq!(
            judge("a v1.0.0\nsqlx v0.9.0\n"),
            [format!("{PACKAGE} depends on sqlx")]
        );
        assert_eq!(judge("sqlx-like v0.9.0\n"), [""; 0]);
    }
}
