//! Hard rules: what no score can outweigh. One file a rule; each looks at one cell and says why not.

mod capacity;
mod headroom;
mod open;
mod region;

use crate::{CellFacts, Demand, WhyNot};

/// Nothing against the cell, or the reason.
type Verdict = Result<(), WhyNot>;

/// From what lasts to what passes, so that the first reason is the one to look at.
const RULES: [fn(&Demand, &CellFacts) -> Verdict; 4] = [
    region::region,
    open::open,
    capacity::capacity,
    headroom::headroom,
];

/// The first rule that speaks against the cell, or `Ok` when none does.
pub(crate) fn check(demand: &Demand, facts: &CellFacts) -> Verdict {
    RULES.iter().try_for_each(|rule| rule(demand, facts))
}
