use std::fmt;

use tenancy_types::CellId;

use crate::{CellFacts, Refusal};

/// Where the new tenant goes, and why. Names every cell of the fleet exactly once.
///
/// Displayed, it is one line for a log; `{:#}` is one line a cell for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The cell to take.
    pub chosen: Candidate,
    /// The other cells that could take the tenant, best first.
    pub runners_up: Vec<Candidate>,
    /// The cells that cannot, in the order of their ids.
    pub refusals: Vec<Refusal>,
}

impl Assignment {
    /// The cell to take.
    #[must_use]
    pub const fn cell(&self) -> CellId {
        self.chosen.cell
    }
}

/// How full a cell would be with the tenant in it. Shares are between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The cell.
    pub cell: CellId,
    /// Its load as a share of its load capacity.
    pub load: f64,
    /// Its tenants as a share of the most it may have.
    pub tenants: f64,
}

impl Candidate {
    /// Measures a cell that has the tenant already.
    pub(crate) fn of(facts: &CellFacts) -> Self {
        Self {
            cell: facts.cell,
            load: facts.load / facts.load_capacity,
            tenants: f64::from(facts.tenants) / f64::from(facts.max_tenants),
        }
    }

    /// The score: the share of the scarcer resource that stays free, from 0 (none) to 1. More is better.
    ///
    /// The scarcer one alone decides, since a cell is full when either is used up: no abundance of one makes
    /// up for the lack of the other, and there are no weights to tune.
    #[must_use]
    pub const fn headroom(&self) -> f64 {
        1.0 - self.load.max(self.tenants)
    }
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} keeps {:.1} % headroom (load {:.1} %, tenants {:.1} %)",
            self.cell,
            100.0 * self.headroom(),
            100.0 * self.load,
            100.0 * self.tenants
        )
    }
}

impl fmt::Display for Assignment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return self.lines(f);
        }
        write!(f, "{}", self.chosen)?;
        if let Some(next) = self.runners_up.first() {
            let headroom = 100.0 * next.headroom();
            write!(f, ", next {} with {headroom:.1} %", next.cell)?;
        }
        match self.refusals.len() {
            0 => Ok(()),
            1 => write!(f, ", 1 cell refused"),
            more => write!(f, ", {more} cells refused"),
        }
    }
}

impl Assignment {
    fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chosen: {}", self.chosen)?;
        for candidate in &self.runners_up {
            let tied = candidate.headroom() >= self.chosen.headroom();
            let tied = if tied {
                ", a tie that the seed decided"
            } else {
                ""
            };
            write!(f, "\n  next: {candidate}{tied}")?;
        }
        for refusal in &self.refusals {
            write!(f, "\n   not: {refusal}")?;
        }
        Ok(())
    }
}
