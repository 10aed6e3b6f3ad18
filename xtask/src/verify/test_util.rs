//! What makes contexts without admission is for tests alone.

use anyhow::Result;

use super::Report;
use crate::process::{cargo, output};

/// The features with which the workspace's own programs and libraries have tenancy-core, without their tests.
pub(super) fn run() -> Result<Report> {
    let tree = output(&mut cargo([
        "tree",
        "--locked",
        "--workspace",
        "--edges=normal,build,features",
        "--invert=tenancy-core",
        "--depth=1",
        "--prefix=none",
    ]))?;
    Ok(Report {
        problems: judge(&tree).into_iter().collect(),
        warnings: Vec::new(),
    })
}

/// `tree` names one feature a line as `tenancy-core feature "postgres"`.
fn judge(tree: &str) -> Option<String> {
    let has = |feature: &str| {
        let line = format!("tenancy-core feature \"{feature}\"");
        tree.lines().any(|found| found.starts_with(&line))
    };
    if has("test-util") {
        let why = "a normal dependency turns on tenancy-core's `test-util`; it belongs into [dev-dependencies]";
        return Some(why.to_owned());
    }
    let known = has("postgres");
    (!known).then(|| "cargo tree does not say how tenancy-core is used".to_owned())
}

#[test]
fn a_feature_for_tests_in_a_program_is_found() {
    let good = "tenancy-core v0.1.0 (/x)\ntenancy-core feature \"postgres\"\n";
    assert_eq!(judge(good), None);
    let bad = format!("{good}tenancy-core feature \"test-util\" (*)\n");
    assert!(judge(&bad).unwrap().contains("test-util"));
    assert!(judge("").unwrap().contains("does not say"));
}
