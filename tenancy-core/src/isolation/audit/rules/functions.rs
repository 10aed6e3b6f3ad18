use super::{
    super::{
        Check, Finding,
        facts::{Facts, Function},
        finding::fingerprint,
    },
    expected::{Expected, expected},
};
use crate::isolation::Isolation;

pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let expected = expected(isolation);
    let mut findings: Vec<Finding> = expected
        .iter()
        .flat_map(|expected| {
            let found = facts
                .functions
                .iter()
                .find(|function| is_it(function, expected));
            compare(found, expected)
                .into_iter()
                .chain(kept_from(found, expected))
        })
        .collect();
    for function in &facts.functions {
        let ours = expected.iter().find(|expected| is_it(function, expected));
        findings.extend(look(function, ours));
    }
    findings
}

/// Whether the function that says who the tenant is is this mode's own.
pub(super) fn are_of_mode(facts: &Facts, isolation: &Isolation) -> bool {
    expected(isolation)
        .iter()
        .filter(|expected| expected.name == "current_tenant")
        .any(|expected| {
            facts
                .functions
                .iter()
                .any(|function| is_it(function, expected) && expected.has_body(&function.body))
        })
}

fn is_it(function: &Function, expected: &Expected) -> bool {
    function.schema == "tenancy"
        && function.name == expected.name
        && function.arguments == expected.arguments
}

/// Whether the application has not what it is to call.
fn kept_from(found: Option<&Function>, expected: &Expected) -> Option<Finding> {
    let found = found?;
    (expected.is_for_app && !found.executable).then(|| {
        Finding::new(
            Check::F8,
            found.signature(),
            "the application may not execute it",
        )
    })
}

fn compare(found: Option<&Function>, expected: &Expected) -> Option<Finding> {
    let object = format!("tenancy.{}({})", expected.name, expected.arguments);
    let Some(found) = found else {
        return Some(Finding::new(Check::F4, object, "it is missing"));
    };
    if found.volatility != expected.volatility || found.definer != expected.definer {
        let what = "its volatility or its SECURITY is not as installed";
        return Some(Finding::new(Check::F4, object, what));
    }
    if !expected.has_body(&found.body) || found.settings != expected.settings {
        return Some(Finding::new(Check::F5, object, "it was altered"));
    }
    let owner = expected.owner.as_ref()?;
    (found.owner != *owner)
        .then(|| Finding::new(Check::R5, object, format!("{} owns it", found.owner)))
}

/// `ours` is what was installed under this name.
fn look(function: &Function, ours: Option<&Expected>) -> Vec<Finding> {
    let object = function.signature();
    let mut findings = Vec::new();
    if ours.is_none() {
        findings.extend(reached(function));
    }
    // What the guard's functions name, they name with its schema: their text, as installed, needs no path.
    let is_as_installed = ours
        .is_some_and(|ours| function.settings == ours.settings && ours.has_body(&function.body));
    if function.definer && !is_as_installed && !has_own_path(function) {
        let what = "it uses what its caller puts before the real objects";
        findings.push(Finding::new(Check::F3, &*object, what));
    }
    if function.leakproof {
        findings.push(Finding::new(Check::F6, &*object, "it is LEAKPROOF"));
    }
    if function.schema == "tenancy" && ours.is_none() {
        findings.push(Finding::new(Check::F5, object, "it was not installed"));
    }
    findings
}

/// What the application can do with a function that is not the guard's. Its name is followed by what tells its
/// body from another one.
fn reached(function: &Function) -> Vec<Finding> {
    let object = format!("{} ({})", function.signature(), fingerprint(&function.body));
    let mut findings = Vec::new();
    if function.definer && (function.executable || !function.called_by.is_empty()) {
        let mut what = format!("it runs as {}", function.owner);
        if !function.executable {
            what = format!("{what} for whoever uses {}", function.called_by.join(", "));
        }
        findings.push(Finding::new(Check::F1, &*object, what));
    }
    if function.untrusted && function.executable {
        let what = "it may do what the server may";
        findings.push(Finding::new(Check::F7, object, what));
    }
    findings
}

/// A path that does not name the schema of temporary objects begins with it.
fn has_own_path(function: &Function) -> bool {
    let mut paths = function
        .settings
        .iter()
        .filter_map(|setting| setting.strip_prefix("search_path="));
    paths.any(|path| {
        let last = path.rsplit(',').next().unwrap_or_default();
        last.trim() == "pg_temp"
    })
}
