use super::{
    super::{
        Check, Finding,
        facts::{Facts, SurroundingKind},
    },
    expected::words,
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
            SurroundingKind::Right => (Check::A5, "a new cluster does not give it"),
            SurroundingKind::LargeObjects => (Check::A6, "the application may use them"),
            SurroundingKind::Published => {
                is_of_tenants(facts, isolation, &fact.object).then_some(())?;
                (Check::L1, "a publication sends its rows")
            }
            SurroundingKind::Net => return None,
        };
        Some(Finding::new(check, &*fact.object, what))
    });
    found.chain(net(facts, isolation)).collect()
}

fn is_of_tenants(facts: &Facts, isolation: &Isolation, table: &str) -> bool {
    let relation = facts
        .relations
        .iter()
        .find(|relation| relation.full_name() == table);
    let ancestors = relation
        .into_iter()
        .flat_map(|relation| &relation.ancestors);
    tenant_column(isolation, table).is_some()
        || ancestors
            .into_iter()
            .any(|above| tenant_column(isolation, above).is_some())
}

fn net(facts: &Facts, isolation: &Isolation) -> Option<Finding> {
    const OBJECT: &str = "event trigger tenancy_net";
    if isolation.net() == Net::No {
        return None;
    }
    let mut nets = facts
        .surroundings
        .iter()
        .filter(|fact| fact.kind == SurroundingKind::Net);
    let Some(found) = nets.next() else {
        return Some(Finding::new(Check::N1, OBJECT, "it is missing or disabled"));
    };
    let is_installed = isolation.statements().iter().any(|statement| {
        let made = statement
            .sql()
            .split_once("CREATE EVENT TRIGGER tenancy_net ");
        made.is_some_and(|(_, made)| words(made) == words(&found.object))
    });
    (!is_installed).then(|| {
        let what = format!("it is {}", found.object);
        Finding::new(Check::N2, OBJECT, what)
    })
}
