//! Ways to tenants' rows that are no tables.

use super::super::{Check, Finding, facts::Facts};
use crate::isolation::Isolation;

pub(super) fn findings(facts: &Facts, _: &Isolation) -> Vec<Finding> {
    let reached = facts
        .relations
        .iter()
        .filter(|relation| !relation.rights.is_empty() && relation.schema != "tenancy");
    reached
        .filter_map(|relation| {
            let check = match relation.kind.as_str() {
                "v" if !relation.invoker => Check::V1,
                "m" => Check::V2,
                "f" => Check::V3,
                _ => return None,
            };
            let object = format!("{} ({})", relation.full_name(), relation.rights.join(", "));
            Some(Finding::new(
                check,
                object,
                "the application has these rights",
            ))
        })
        .collect()
}
