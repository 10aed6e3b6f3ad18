use super::Verdict;
use crate::{CellFacts, Demand, WhyNot};

/// The expected load fits into what the cell has left.
pub(super) fn headroom(demand: &Demand, facts: &CellFacts) -> Verdict {
    if facts.load + demand.load() <= facts.load_capacity {
        Ok(())
    } else {
        Err(WhyNot::NoHeadroom {
            load: facts.load,
            expected: demand.load(),
            load_capacity: facts.load_capacity,
        })
    }
}
