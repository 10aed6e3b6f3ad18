//! The declared tables: columns, row security, keys and indexes.

mod keys;
mod lineage;
mod policies;

use std::collections::HashSet;

use super::{
    super::{
        Check, Finding,
        facts::{Facts, Relation},
    },
    declared, full_name, tenant_column,
};
use crate::{TableKind, isolation::Isolation};

pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let mut findings = columns(facts, isolation);
    findings.extend(row_security(facts, isolation));
    findings.extend(policies::findings(facts, isolation));
    findings.extend(keys::findings(facts, isolation));
    findings.extend(lineage::findings(facts, isolation));
    findings.extend(triggers(facts, isolation));
    findings
}

fn columns(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for table in isolation.manifest().tables() {
        let name = full_name(table);
        let mut columns = facts.columns.iter().filter(|column| column.table == name);
        let TableKind::Tenant { tenant_column, .. } = table.kind() else {
            if columns.next().is_none() {
                findings.push(Finding::new(Check::T2, name, "the table is missing"));
            }
            continue;
        };
        let expected = table.tenant_type().as_str();
        let wrong = match columns
            .clone()
            .find(|column| *column.name == **tenant_column)
        {
            None if columns.clone().next().is_none() => Some("the table is missing".to_owned()),
            None => Some(format!("it has no column {tenant_column}")),
            Some(found) if found.r#type != expected => Some(format!(
                "its column {tenant_column} is {}, declared as {expected}",
                found.r#type
            )),
            Some(found) if !found.not_null => {
                Some(format!("its column {tenant_column} takes null"))
            }
            Some(_) => None,
        };
        findings.extend(wrong.map(|what| Finding::new(Check::T2, &*name, what)));
        findings.extend(columns.filter(|column| column.numbered).map(|column| {
            let object = format!("{name}.{}", column.name);
            Finding::new(Check::S2, object, "its default counts for all tenants")
        }));
    }
    findings
}

/// Of tables, and of what holds the rows of a declared table.
fn row_security(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for relation in facts
        .relations
        .iter()
        .filter(|relation| relation.is_table())
    {
        let name = relation.full_name();
        let check = if tenant_column(isolation, &name).is_some() {
            Check::T3
        } else if relation
            .ancestors
            .iter()
            .any(|above| tenant_column(isolation, above).is_some())
        {
            Check::P2
        } else {
            continue;
        };
        let what = match (relation.enabled, relation.forced) {
            (true, true) => continue,
            (true, false) => "it is not forced: the owner is asked no policy",
            (false, _) => "it is not enabled: nobody is asked a policy",
        };
        findings.push(Finding::new(check, name, what));
    }
    findings
}

/// On whatever the application reaches, itself or through a table above, and on our own tables.
fn triggers(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let matters: HashSet<String> = facts
        .relations
        .iter()
        .filter(|relation| {
            let mut names = relation.ancestors.iter();
            let name = relation.full_name();
            relation.schema == "tenancy"
                || !relation.rights.is_empty()
                || declared(isolation, &name).is_some()
                || names.any(|above| declared(isolation, above).is_some())
        })
        .map(Relation::full_name)
        .collect();
    let ours = facts
        .triggers
        .iter()
        .filter(|trigger| matters.contains(&trigger.table));
    ours.filter(|trigger| trigger.is_rule || trigger.definer)
        .map(|trigger| {
            let (check, kind) = if trigger.is_rule {
                (Check::G2, "rule")
            } else {
                (Check::G1, "trigger")
            };
            let object = format!("{kind} {} on {}", trigger.name, trigger.table);
            Finding::new(check, object, "it acts with another role's rights")
        })
        .collect()
}
