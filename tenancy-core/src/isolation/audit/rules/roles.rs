use super::super::{
    Check, Finding,
    facts::{Facts, Role},
};
use crate::isolation::Isolation;

pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let names = isolation.roles();
    let mut findings = Vec::new();
    for (name, logs_in, bypasses) in [
        (names.owner(), false, false),
        (names.app(), true, false),
        (names.mover(), true, true),
        (names.auditor(), true, false),
        (names.search(), false, true),
    ] {
        let object = format!("role {name}");
        let Some(role) = facts.roles.iter().find(|role| role.name == name) else {
            findings.push(Finding::new(Check::R6, object, "it is missing"));
            continue;
        };
        let powers = powers(role, bypasses);
        if !powers.is_empty() {
            let check = if name == names.app() {
                Check::R1
            } else {
                Check::R6
            };
            findings.push(Finding::new(check, &*object, format!("it has {powers}")));
        }
        if role.logs_in && !logs_in {
            findings.push(Finding::new(Check::R4, &*object, "it may log in"));
        }
        if !role.logs_in && logs_in || !role.bypasses && bypasses {
            let what = "it lacks LOGIN or BYPASSRLS";
            findings.push(Finding::new(Check::R6, &*object, what));
        }
        if !role.memberships.is_empty() && name != names.owner() {
            let check = if name == names.app() {
                Check::R2
            } else {
                Check::R6
            };
            let what = format!("it is a member of {}", role.memberships.join(", "));
            findings.push(Finding::new(check, &*object, what));
        }
    }
    findings
}

fn powers(role: &Role, bypasses: bool) -> String {
    let mut powers: Vec<&str> = role.powers.iter().map(|power| &**power).collect();
    if role.bypasses && !bypasses {
        powers.push("BYPASSRLS");
    }
    powers.join(", ")
}
