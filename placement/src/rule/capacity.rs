use super::Verdict;
use crate::{CellFacts, Demand, WhyNot};

/// A cell never has more tenants than it may.
pub(super) fn capacity(_: &Demand, facts: &CellFacts) -> Verdict {
    if facts.tenants < facts.max_tenants {
        Ok(())
    } else {
        Err(WhyNot::Full {
            tenants: facts.tenants,
            max_tenants: facts.max_tenants,
        })
    }
}
