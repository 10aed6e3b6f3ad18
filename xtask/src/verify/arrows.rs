//! Who may depend on whom.
//!
//! A crate that is useful alone must not drag in its siblings, and a crate that everybody shares
//! must know nobody. Each package has a row in [`RULES`]; a package without one is a finding, so a
//! new crate says where it stands.

use anyhow::Result;

use super::Report;
use crate::workspace::{Dependency, Kind, Metadata, Package};

/// In which table of `Cargo.toml` a sibling may stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Arrow {
    Always,
    /// Behind a feature, or for tests.
    Optional,
    Tests,
}

struct Rule {
    package: &'static str,
    /// The siblings it may know.
    knows: &'static [(&'static str, Arrow)],
}

/// The four crates in the middle may know the shared words, and the core behind a feature.
const MIDDLE: &[(&str, Arrow)] = &[
    ("tenancy-types", Arrow::Always),
    ("tenancy-core", Arrow::Optional),
    ("tenancy-testkit", Arrow::Tests),
];

/// Applications may know every crate.
const APPLICATION: &[(&str, Arrow)] = &[
    ("tenancy-types", Arrow::Always),
    ("tenancy-core", Arrow::Always),
    ("tenancy-cell-router", Arrow::Always),
    ("tenancy-rate-limit", Arrow::Always),
    ("tenancy-migrate", Arrow::Always),
    ("tenancy-placement", Arrow::Always),
    ("tenancy-testkit", Arrow::Tests),
];

/// It starts Postgres for whoever has none, in the one way that there is to do so.
const STOREFRONT: &[(&str, Arrow)] = &[
    ("tenancy-types", Arrow::Always),
    ("tenancy-core", Arrow::Always),
    ("tenancy-cell-router", Arrow::Always),
    ("tenancy-rate-limit", Arrow::Always),
    ("tenancy-migrate", Arrow::Always),
    ("tenancy-placement", Arrow::Always),
    ("tenancy-testkit", Arrow::Always),
];

const RULES: [Rule; 10] = [
    Rule {
        package: "tenancy-types",
        knows: &[],
    },
    Rule {
        package: "tenancy-core",
        knows: &[
            ("tenancy-types", Arrow::Always),
            ("tenancy-testkit", Arrow::Tests),
        ],
    },
    Rule {
        package: "tenancy-cell-router",
        knows: MIDDLE,
    },
    Rule {
        package: "tenancy-rate-limit",
        knows: MIDDLE,
    },
    Rule {
        package: "tenancy-migrate",
        knows: MIDDLE,
    },
    Rule {
        package: "tenancy-placement",
        knows: MIDDLE,
    },
    Rule {
        package: "hello",
        knows: APPLICATION,
    },
    Rule {
        package: "storefront",
        knows: STOREFRONT,
    },
    Rule {
        package: "tenancy-testkit",
        knows: &[],
    },
    Rule {
        package: "xtask",
        knows: &[],
    },
];

/// All that the crate of shared words may take from outside, and whether only behind a feature.
const TYPES_FROM_OUTSIDE: [(&str, Arrow); 3] = [
    ("thiserror", Arrow::Always),
    ("futures-core", Arrow::Always),
    ("http", Arrow::Optional),
];

pub(super) fn run() -> Result<Report> {
    Ok(Report {
        problems: check(&Metadata::load()?.packages),
        warnings: Vec::new(),
    })
}

fn check(packages: &[Package]) -> Vec<String> {
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    packages
        .iter()
        .flat_map(|package| check_package(package, is_ours))
        .collect()
}

fn check_package(package: &Package, is_ours: impl Fn(&str) -> bool) -> Vec<String> {
    let name = &package.name;
    let Some(rule) = RULES.iter().find(|rule| rule.package == name) else {
        return vec![format!(
            "{name} has no row in xtask/src/verify/arrows.rs: say whom it may know"
        )];
    };
    let (ours, foreign): (Vec<_>, Vec<_>) = package
        .dependencies
        .iter()
        .partition(|dependency| is_ours(&dependency.name));
    let mut problems: Vec<String> = ours
        .into_iter()
        .filter_map(|dependency| judge(name, dependency, rule.knows))
        .collect();
    if name == "tenancy-types" {
        let shipped = foreign
            .into_iter()
            .filter(|dependency| dependency.kind != Kind::Dev);
        problems
            .extend(shipped.filter_map(|dependency| judge(name, dependency, &TYPES_FROM_OUTSIDE)));
    }
    problems
}

/// What is wrong with one dependency of `package`, if anything.
fn judge(package: &str, dependency: &Dependency, allowed: &[(&str, Arrow)]) -> Option<String> {
    let other = &dependency.name;
    let arrow = allowed
        .iter()
        .find(|(name, _)| name == other)
        .map(|(_, arrow)| *arrow);
    let is_test = dependency.kind == Kind::Dev;
    match arrow {
        None => Some(format!("{package} must not depend on {other}")),
        Some(Arrow::Optional) if !is_test && !dependency.optional => Some(format!(
            "{package} may depend on {other} only behind a feature"
        )),
        Some(Arrow::Tests) if !is_test => Some(format!("{package} may use {other} only in tests")),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests;
