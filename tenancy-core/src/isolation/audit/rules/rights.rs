//! What the application may do, and who owns what it does it with.

use super::{
    super::{
        Check, Finding,
        facts::{Facts, Relation},
    },
    declared,
};
use crate::{Table, TableKind, isolation::Isolation};

pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for relation in &facts.relations {
        let name = relation.full_name();
        let table = declared(isolation, &name);
        if relation.schema == "tenancy" {
            // Which version the cell is of is what a program asks first.
            if relation.name != "format" || relation.rights != ["SELECT"] {
                findings.extend(held(relation, Check::A4));
            }
            findings.extend(owner(relation, isolation));
        } else if relation.kind == "S" {
            findings.extend(held(relation, Check::S2));
        } else if let Some(table) = table {
            findings.extend(beyond(relation, table));
            findings.extend(owner(relation, isolation));
        } else if relation
            .ancestors
            .iter()
            .any(|above| declared(isolation, above).is_some())
        {
            findings.extend(held(relation, Check::P1));
            findings.extend(owner(relation, isolation));
        } else if relation.is_table() {
            findings.extend(undeclared(relation, isolation));
        }
    }
    findings
}

/// For what the application must have no right on at all.
fn held(relation: &Relation, check: Check) -> Option<Finding> {
    (!relation.rights.is_empty()).then(|| {
        let rights = relation.rights.join(", ");
        let object = format!("{} ({rights})", relation.full_name());
        Finding::new(check, object, "the application has these rights")
    })
}

fn undeclared(relation: &Relation, isolation: &Isolation) -> Option<Finding> {
    // The journal of the family's own schema runner can be in no manifest.
    let in_sight = (relation.has_tenant || isolation.schemas().contains(&&*relation.schema))
        && relation.name != "tenancy_schema_journal";
    held(relation, Check::T1).or_else(|| {
        in_sight.then(|| Finding::new(Check::T10, relation.full_name(), "it is not declared"))
    })
}

fn beyond(relation: &Relation, table: &Table) -> Vec<Finding> {
    let given: &[&str] = match table.kind() {
        TableKind::Tenant { .. } => &["SELECT", "INSERT", "UPDATE", "DELETE"],
        TableKind::SharedRead => &["SELECT"],
        TableKind::ControlPlane => &[],
    };
    let extra = relation
        .rights
        .iter()
        .filter(|right| !given.contains(&&***right));
    extra
        .map(|right| {
            let check = match right.as_str() {
                "TRUNCATE" | "REFERENCES" | "TRIGGER" | "MAINTAIN" => Check::A1,
                _ => Check::A2,
            };
            let what = format!("the application has {right}");
            Finding::new(check, format!("{} ({right})", relation.full_name()), what)
        })
        .collect()
}

fn owner(relation: &Relation, isolation: &Isolation) -> Option<Finding> {
    (relation.owner != isolation.roles().owner()).then(|| {
        let what = format!("{} owns it", relation.owner);
        Finding::new(Check::R5, relation.full_name(), what)
    })
}
