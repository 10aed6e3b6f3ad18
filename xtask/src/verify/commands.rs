//! The checks that are a command of Cargo.

use std::process::Command;

use anyhow::Result;

use super::Report;
use crate::process::{self, Shown, cargo};
use crate::workspace::{Metadata, Package};

/// Keeps Cargo from repairing `Cargo.lock`.
pub(super) const LOCKED: &str = "--locked";

pub(super) fn fmt() -> Result<Report> {
    all([cargo(["fmt", "--all", "--check"])])
}

pub(super) fn clippy() -> Result<Report> {
    all([cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        LOCKED,
        "--",
        "--deny=warnings",
    ])])
}

pub(super) fn docs() -> Result<Report> {
    let mut command = cargo(["doc", "--workspace", "--no-deps", "--all-features", LOCKED]);
    command.env("RUSTDOCFLAGS", "--deny=warnings");
    all([command])
}

/// Dependencies that two sets of features share are checked once; all of this needs no code
/// generation.
pub(super) fn features() -> Result<Report> {
    let metadata = Metadata::load()?;
    let mut report = Report::default();
    for arguments in metadata.publishable().flat_map(feature_sets) {
        let mut command = cargo(["check", "--quiet", LOCKED]);
        command.args(arguments);
        // With --quiet only warnings and errors are left; denying them by RUSTFLAGS would check every
        // dependency again.
        let (status, said) = process::errors(&mut command)?;
        if !(status.success() && said.is_empty()) {
            eprint!("{said}");
            let problem = format!("`{}` ended with {status} or warns", Shown(&command));
            report.problems.push(problem);
        }
    }
    Ok(report)
}

/// The arguments of Cargo for each set of features that users may choose alone.
fn feature_sets(package: &Package) -> Vec<Vec<String>> {
    let single = package
        .features
        .keys()
        .filter(|feature| *feature != "default");
    let single = single.map(|feature| vec!["--features".to_owned(), feature.clone()]);
    let mut sets: Vec<Vec<String>> = [vec![]].into_iter().chain(single).collect();
    for set in &mut sets {
        set.push("--no-default-features".to_owned());
    }
    sets.push(vec!["--all-features".to_owned()]);
    for set in &mut sets {
        set.extend(["--package".to_owned(), package.name.clone()]);
    }
    sets
}

/// Runs every command, also after one has failed.
pub(super) fn all(commands: impl IntoIterator<Item = Command>) -> Result<Report> {
    let mut report = Report::default();
    for mut command in commands {
        let status = process::status(&mut command)?;
        if !status.success() {
            report
                .problems
                .push(format!("`{}` ended with {status}", Shown(&command)));
        }
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::feature_sets;
    use crate::workspace::Package;

    #[test]
    fn each_feature_is_checked_alone() {
        let names = ["default", "http", "sqlite"];
        let package = Package {
            name: "one".to_owned(),
            version: "0.1.0".to_owned(),
            dependencies: Vec::new(),
            features: names
                .map(|name| (name.to_owned(), Vec::new()))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            publish: None,
        };
        let sets: Vec<String> = feature_sets(&package)
            .iter()
            .map(|set| set.join(" "))
            .collect();
        assert_eq!(
            sets,
            [
                "--no-default-features --package one",
                "--features http --no-default-features --package one",
                "--features sqlite --no-default-features --package one",
                "--all-features --package one",
            ]
        );
    }
}
