use super::{
    super::{
        super::{
            Check, Finding,
            facts::{Facts, Policy},
            finding::fingerprint,
        },
        expected::{policy_words, words},
    },
    full_name,
};
use crate::{
    Table,
    isolation::{Isolation, policy},
};

pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in isolation.manifest().tables() {
        let name = full_name(table);
        let found: Vec<&Policy> = facts
            .policies
            .iter()
            .filter(|policy| policy.table == name)
            .collect();
        findings.extend(ours(&found, table, isolation));
        findings.extend(
            found
                .into_iter()
                .flat_map(|policy| others(policy, table, isolation)),
        );
    }
    findings
}

/// The two that each tenants' table has.
fn ours(found: &[&Policy], table: &Table, isolation: &Isolation) -> Vec<Finding> {
    let Some(expected) = policy::policies(table, isolation.roles(), isolation.mode()) else {
        return Vec::new();
    };
    let [rows, floor] = expected;
    [(rows, true), (floor, false)]
        .into_iter()
        .filter_map(|(expected, permissive)| {
            let object = format!("policy {} on {}", expected.name, full_name(table));
            let what = match found.iter().find(|policy| policy.name == expected.name) {
                None => "it is missing",
                Some(policy) if is_as_installed(policy, permissive, &expected.body, isolation) => {
                    return None;
                }
                Some(_) => "it was altered",
            };
            Some(Finding::new(Check::T4, object, what))
        })
        .collect()
}

fn is_as_installed(policy: &Policy, permissive: bool, body: &str, isolation: &Isolation) -> bool {
    let condition = policy_words(body);
    let is_the_same = |expression: &Option<String>| {
        expression
            .as_ref()
            .is_some_and(|found| words(found) == condition)
    };
    policy.permissive == permissive
        && policy.command == "*"
        && policy.roles == [isolation.roles().app()]
        && is_the_same(&policy.using)
        && is_the_same(&policy.check)
}

fn others(policy: &Policy, table: &Table, isolation: &Isolation) -> Vec<Finding> {
    let Some(ours) = isolation.policies_of(table) else {
        return Vec::new();
    };
    let object = format!("policy {} on {}", policy.name, policy.table);
    let mut findings = Vec::new();
    if !policy.unstable.is_empty() {
        let what = format!("it calls {}", policy.unstable.join(", "));
        findings.push(Finding::new(Check::F2, &*object, what));
    }
    if policy.permissive && !ours.contains(&policy.name) {
        let app = isolation.roles().app();
        // The floor is the application's alone: it costs those who may see all rows nothing.
        let check = if policy.roles == [app] {
            Check::T5
        } else {
            Check::T13
        };
        let body = [&policy.using, &policy.check].map(|part| part.as_deref().unwrap_or_default());
        let object = format!("{object} ({})", fingerprint(&body.join("\n")));
        let what = format!("it shows rows to {}", policy.roles.join(", "));
        findings.push(Finding::new(check, object, what));
    }
    findings
}
