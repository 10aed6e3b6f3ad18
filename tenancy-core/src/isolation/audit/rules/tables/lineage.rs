//! Tables that show the rows of others.

use super::{
    super::super::{
        Check, Finding,
        facts::{Facts, Relation},
    },
    super::{declared, tenant_column},
};
use crate::{TableKind, isolation::Isolation};

/// Who reads a table reads the rows of those below it by its policies alone, and of its kind's if it has none.
pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let mut findings = Vec::new();
    for relation in facts
        .relations
        .iter()
        .filter(|relation| relation.is_table())
    {
        findings.extend(shared(relation, isolation));
        findings.extend(below_others(relation, isolation));
    }
    findings
}

fn shared(relation: &Relation, isolation: &Isolation) -> Option<Finding> {
    let name = relation.full_name();
    let kind = declared(isolation, &name)?.kind();
    (relation.has_tenant && matches!(kind, TableKind::SharedRead)).then(|| {
        let what = "it has a column of the tenant and is read by all of them";
        Finding::new(Check::T12, name, what)
    })
}

fn below_others(relation: &Relation, isolation: &Isolation) -> Option<Finding> {
    let name = relation.full_name();
    let own = tenant_column(isolation, &name);
    if own.is_none() && !relation.has_tenant {
        return None;
    }
    let asks_another = |above: &&String| match (tenant_column(isolation, above), own) {
        (Some(above), Some(own)) => above != own,
        (Some(_), None) => false,
        // What is neither declared is found when the application has a right on the one above.
        (None, own) => own.is_some() || declared(isolation, above).is_some(),
    };
    let above = relation.ancestors.iter().find(asks_another)?;
    let what = format!("{above} shows its rows, and does not ask whose they are");
    Some(Finding::new(Check::T11, name, what))
}
