use super::{RULES, check};
use crate::workspace::{Dependency, Kind, Package};

fn package(name: &str, dependencies: &[(&str, Kind, bool)]) -> Package {
    let dependencies = dependencies
        .iter()
        .map(|&(name, kind, optional)| Dependency {
            name: name.to_owned(),
            kind,
            optional,
        });
    Package {
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        dependencies: dependencies.collect(),
        features: Default::default(),
        publish: None,
    }
}

/// Gives one package one dependency, in a workspace where every package is there.
#[track_caller]
fn expect(name: &str, dependency: (&str, Kind, bool), expect: &[&str]) {
    let mut packages: Vec<Package> = RULES
        .iter()
        .map(|rule| package(rule.package, &[]))
        .collect();
    packages.retain(|package| package.name != name);
    packages.push(package(name, &[dependency]));
    assert_eq!(check(&packages), expect, "{name} -> {dependency:?}");
}

#[test]
fn the_middle_crates_do_not_know_each_other() {
    use Kind::{Build, Dev, Normal};
    expect("tenancy-rate-limit", ("tenancy-types", Normal, false), &[]);
    expect("tenancy-rate-limit", ("tenancy-core", Normal, true), &[]);
    expect("tenancy-rate-limit", ("tenancy-core", Dev, false), &[]);
    expect("tenancy-rate-limit", ("tenancy-testkit", Dev, false), &[]);
    expect("tenancy-rate-limit", ("governor", Normal, false), &[]);
    expect(
        "tenancy-rate-limit",
        ("tenancy-core", Normal, false),
        &["tenancy-rate-limit may depend on tenancy-core only behind a feature"],
    );
    for (kind, optional) in [
        (Normal, false),
        (Normal, true),
        (Dev, false),
        (Build, false),
    ] {
        expect(
            "tenancy-cell-router",
            ("tenancy-rate-limit", kind, optional),
            &["tenancy-cell-router must not depend on tenancy-rate-limit"],
        );
    }
}

#[test]
fn the_core_knows_only_the_words() {
    expect("tenancy-core", ("tenancy-types", Kind::Normal, false), &[]);
    expect(
        "tenancy-core",
        ("tenancy-placement", Kind::Normal, true),
        &["tenancy-core must not depend on tenancy-placement"],
    );
}

#[test]
fn the_words_know_nobody() {
    use Kind::{Dev, Normal};
    expect("tenancy-types", ("thiserror", Normal, false), &[]);
    expect("tenancy-types", ("http", Normal, true), &[]);
    expect("tenancy-types", ("proptest", Dev, false), &[]);
    expect(
        "tenancy-types",
        ("http", Normal, false),
        &["tenancy-types may depend on http only behind a feature"],
    );
    expect(
        "tenancy-types",
        ("tokio", Normal, true),
        &["tenancy-types must not depend on tokio"],
    );
    expect(
        "tenancy-types",
        ("tenancy-core", Dev, false),
        &["tenancy-types must not depend on tenancy-core"],
    );
}

#[test]
fn the_testkit_is_for_tests_and_knows_nobody() {
    expect(
        "tenancy-migrate",
        ("tenancy-testkit", Kind::Normal, true),
        &["tenancy-migrate may use tenancy-testkit only in tests"],
    );
    expect(
        "tenancy-testkit",
        ("tenancy-types", Kind::Dev, false),
        &["tenancy-testkit must not depend on tenancy-types"],
    );
    expect(
        "storefront",
        ("xtask", Kind::Dev, false),
        &["storefront must not depend on xtask"],
    );
}

#[test]
fn a_new_package_must_say_where_it_stands() {
    expect(
        "tenancy-extra",
        ("serde", Kind::Normal, false),
        &["tenancy-extra has no row in xtask/src/verify/arrows.rs: say whom it may know"],
    );
}
