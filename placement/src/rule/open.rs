use super::Verdict;
use crate::{CellFacts, CellStatus, Demand, WhyNot};

/// A cell that is being emptied or does not serve takes no tenant.
pub(super) fn open(_: &Demand, facts: &CellFacts) -> Verdict {
    match facts.status {
        CellStatus::Open => Ok(()),
        status => Err(WhyNot::NotOpen { status }),
    }
}
