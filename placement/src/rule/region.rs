use super::Verdict;
use crate::{CellFacts, Demand, Residency, WhyNot};

/// A tenant's data stays in its region.
pub(super) fn region(demand: &Demand, facts: &CellFacts) -> Verdict {
    match demand.residency() {
        Residency::In(wanted) if *wanted != facts.region => Err(WhyNot::OtherRegion {
            region: facts.region.clone(),
            wanted: wanted.clone(),
        }),
        Residency::In(_) | Residency::Any => Ok(()),
    }
}
