use super::{
    super::{
        Check, Finding,
        facts::{Facts, SurroundingKind},
    },
    tenant_column,
};
use crate::isolation::{Isolation, Net};

pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let found = facts.surroundings.iter().filter_map(|fact| {
        let (check, what) = match fact.kind {
            SurroundingKind::Create => (Check::A3, "the application may make objects there"),
            SurroundingKind::DefaultPrivilege => (Check::S1, "they give to the application"),
            SurroundingKind::Preset => (Check::R7, "it sets app.tenant_id"),
            SurroundingKind::Prepared => (Check::X1, "it was neither committed nor rolled back"),
            SurroundingKind::Published => {
                let root = facts.relations.iter().find_map(|relation| {
                    (relation.full_name() == fact.object).then_some(relation.root.as_deref()?)
                });
                tenant_column(isolation, root.unwrap_or(&fact.object))?;
                (Check::L1, "a publication sends its rows")
            }
            SurroundingKind::Net => return None,
        };
        Some(Finding::new(check, &*fact.object, what))
    });
    let has_net = facts
        .surroundings
        .iter()
        .any(|fact| fact.kind == SurroundingKind::Net);
    let net = (isolation.net() == Net::Yes && !has_net).then(|| {
        Finding::new(
            Check::N1,
            "event trigger tenancy_net",
            "it is missing or disabled",
        )
    });
    found.chain(net).collect()
}
