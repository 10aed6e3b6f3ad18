//! What the facts mean. Decided without I/O, so that a report can be made again from the same facts.

mod expected;
mod functions;
mod own;
mod rights;
mod roles;
mod surroundings;
mod tables;
mod views;

pub(super) use super::facts::full_name;
use super::{Check, Finding, facts::Facts};
use crate::{
    Table, TableKind,
    isolation::{Isolation, IsolationMode},
};

/// Everything that is wrong, in order of check and object.
///
/// A cell of the other mode is one finding, and is otherwise compared with what it should be in that mode:
/// else everything in it would be one.
pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let other = other_mode(isolation);
    let (isolation, mode) = if functions::are_of_mode(facts, &other) {
        let what = format!("it is {}, and not {}", name(&other), name(isolation));
        (&other, Some(Finding::new(Check::M1, "the cell", what)))
    } else {
        (isolation, None)
    };
    let rules = [
        roles::findings,
        rights::findings,
        tables::findings,
        views::findings,
        functions::findings,
        own::findings,
        surroundings::findings,
    ];
    let mut findings: Vec<Finding> = rules
        .into_iter()
        .flat_map(|rule| rule(facts, isolation))
        .chain(mode)
        .collect();
    findings.sort();
    findings.dedup();
    findings
}

fn other_mode(isolation: &Isolation) -> Isolation {
    let mode = match isolation.mode() {
        IsolationMode::Plain => IsolationMode::Sealed,
        IsolationMode::Sealed => IsolationMode::Plain,
    };
    Isolation::new(isolation.manifest(), isolation.roles().clone(), mode).with_net(isolation.net())
}

const fn name(isolation: &Isolation) -> &'static str {
    match isolation.mode() {
        IsolationMode::Plain => "plain",
        IsolationMode::Sealed => "sealed",
    }
}

/// The declared table of this full name.
fn declared<'a>(isolation: &'a Isolation, full_name: &str) -> Option<&'a Table> {
    let (schema, name) = full_name.split_once('.')?;
    isolation
        .manifest()
        .tables()
        .iter()
        .find(|table| table.schema_name() == schema && table.name() == name)
}

/// The tenant's column of a declared table of tenants.
pub(super) fn tenant_column<'a>(isolation: &'a Isolation, full_name: &str) -> Option<&'a str> {
    match declared(isolation, full_name)?.kind() {
        TableKind::Tenant { tenant_column, .. } => Some(tenant_column),
        TableKind::SharedRead | TableKind::ControlPlane => None,
    }
}

/// Whether some declared table calls its tenant's column so.
pub(super) fn is_tenants_name(isolation: &Isolation, column: &str) -> bool {
    isolation.manifest().tables().iter().any(|table| {
        matches!(table.kind(), TableKind::Tenant { tenant_column, .. } if **tenant_column == *column)
    })
}
