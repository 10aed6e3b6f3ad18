use super::{
    super::{
        Check, Finding,
        facts::{Facts, Function},
    },
    expected::{Expected, expected},
};
use crate::isolation::Isolation;

pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let expected = expected(isolation);
    let mut findings: Vec<Finding> = expected
        .iter()
        .flat_map(|expected| compare(facts, expected))
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

fn compare(facts: &Facts, expected: &Expected) -> Option<Finding> {
    let object = format!("tenancy.{}({})", expected.name, expected.arguments);
    let found = facts
        .functions
        .iter()
        .find(|function| is_it(function, expected));
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
    // What the guard's functions name, they name with its schema: their text, as installed, needs no path.
    let is_as_installed = ours
        .is_some_and(|ours| function.settings == ours.settings && ours.has_body(&function.body));
    let has_path = function
        .settings
        .iter()
        .any(|setting| setting.starts_with("search_path="));
    if function.definer && function.executable {
        if ours.is_none() {
            let what = format!("it runs as {}", function.owner);
            findings.push(Finding::new(Check::F1, &*object, what));
        }
        if !has_path && !is_as_installed {
            findings.push(Finding::new(
                Check::F3,
                &*object,
                "it runs with the caller's search path",
            ));
        }
    }
    if function.leakproof {
        findings.push(Finding::new(Check::F6, &*object, "it is LEAKPROOF"));
    }
    if function.schema == "tenancy" && ours.is_none() {
        findings.push(Finding::new(Check::F5, object, "it was not installed"));
    }
    findings
}
