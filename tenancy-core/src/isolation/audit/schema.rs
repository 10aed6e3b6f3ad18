//! What the audit would find of a schema in which nothing is installed yet.

use super::{
    Check, Finding,
    facts::{Facts, Function, Relation},
    rules,
};
use crate::isolation::Isolation;

/// The rest is what an installation makes.
const OF_TABLES: [Check; 10] = [
    Check::G1,
    Check::G2,
    Check::I1,
    Check::S2,
    Check::T2,
    Check::T6,
    Check::T7,
    Check::T8,
    Check::T9,
    Check::T11,
];

/// Of the tables of this isolation, and of what leads past all tables' policies, in order of check and object.
pub(in crate::isolation) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let of_tables = rules::findings(facts, isolation)
        .into_iter()
        .filter(|finding| OF_TABLES.contains(&finding.check));
    let relations = facts.relations.iter().filter_map(relation);
    let functions = facts.functions.iter().filter_map(function);
    let mut findings: Vec<Finding> = of_tables.chain(relations).chain(functions).collect();
    findings.sort();
    findings
}

/// Nobody has a right to it yet, so it is found for what it is.
fn relation(relation: &Relation) -> Option<Finding> {
    let (check, what) = match relation.kind.as_str() {
        "v" if !relation.invoker => (Check::V1, "it is read with its owner's rights"),
        "m" => (Check::V2, "it shows all tenants what was in it last"),
        "f" => (Check::V3, "another server answers for it"),
        _ => return None,
    };
    Some(Finding::new(check, relation.full_name(), what))
}

fn function(function: &Function) -> Option<Finding> {
    let (check, what) = match function {
        Function { schema, .. } if schema == "tenancy" => return None,
        Function { definer: true, .. } => (Check::F1, "it runs with its owner's rights"),
        Function {
            leakproof: true, ..
        } => (Check::F6, "it is called before the policy is asked"),
        _ => return None,
    };
    Some(Finding::new(check, function.signature(), what))
}
