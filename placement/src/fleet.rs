use std::fmt;

use tenancy_types::{CellId, Region};

use crate::Demand;

/// What is known of one cell.
#[derive(Clone, Debug, PartialEq)]
pub struct CellFacts {
    /// The cell.
    pub cell: CellId,
    /// Where it stands.
    pub region: Region,
    /// Whether it takes tenants.
    pub status: CellStatus,
    /// Tenants it has, those being provisioned included.
    pub tenants: u32,
    /// The most tenants it may have: a hard limit, the size of the damage when the cell fails.
    pub max_tenants: u32,
    /// Requests a second that reach it, those shed or limited included (a tenant that is held back would
    /// else look quiet), with the expected load of tenants that are too young to have been measured.
    pub load: f64,
    /// The requests a second that it may be planned for: a hard limit. Leave out what it keeps for peaks
    /// and for the failure of another cell.
    pub load_capacity: f64,
}

/// Whether a cell takes new tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CellStatus {
    /// It does.
    Open,
    /// It serves those it has and is being emptied.
    Draining,
    /// It does not serve.
    Down,
}

impl fmt::Display for CellStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Draining => "draining",
            Self::Down => "down",
        })
    }
}

/// The cells of a platform at one moment, checked: each once, every number usable.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet(
    // In the order of their ids, so that nothing depends on the order in which facts arrived.
    Vec<CellFacts>,
);

impl Fleet {
    /// A fleet, in any order. It may be empty.
    ///
    /// # Errors
    /// [`InvalidFleet`] names the cell whose facts cannot be right.
    pub fn new(cells: impl IntoIterator<Item = CellFacts>) -> Result<Self, InvalidFleet> {
        let mut cells: Vec<_> = cells.into_iter().collect();
        cells.sort_by_key(|facts| facts.cell);
        if let Some(pair) = cells.windows(2).find(|pair| pair[0].cell == pair[1].cell) {
            return Err(InvalidFleet::DuplicateCell { cell: pair[0].cell });
        }
        cells.iter().try_for_each(check)?;
        Ok(Self(cells))
    }

    /// The cells in the order of their ids.
    #[must_use]
    pub fn cells(&self) -> &[CellFacts] {
        &self.0
    }

    /// The fleet after a tenant was placed: the cell has one tenant more and its expected load.
    ///
    /// Whoever places several tenants between two readings of the facts goes on with this fleet; else all
    /// of them see the same emptiest cell and pile up there. Takes O(log cells) time.
    ///
    /// # Errors
    /// [`InvalidFleet::UnknownCell`] when the fleet has no such cell.
    pub fn with_placed(mut self, cell: CellId, demand: &Demand) -> Result<Self, InvalidFleet> {
        let at = self
            .0
            .binary_search_by_key(&cell, |facts| facts.cell)
            .map_err(|_| InvalidFleet::UnknownCell { cell })?;
        self.0[at] = self.0[at].clone().with(demand);
        Ok(self)
    }
}

impl CellFacts {
    /// The cell as it would be with one more tenant.
    pub(crate) fn with(self, demand: &Demand) -> Self {
        Self {
            tenants: self.tenants.saturating_add(1),
            load: self.load + demand.load(),
            ..self
        }
    }
}

fn check(facts: &CellFacts) -> Result<(), InvalidFleet> {
    let CellFacts {
        cell,
        load,
        load_capacity,
        ..
    } = *facts;
    if !(load.is_finite() && load >= 0.0) {
        return Err(InvalidFleet::Load { cell, found: load });
    }
    if !(load_capacity.is_finite() && load_capacity > 0.0) {
        return Err(InvalidFleet::LoadCapacity {
            cell,
            found: load_capacity,
        });
    }
    Ok(())
}

/// Facts that make no [`Fleet`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFleet {
    /// Two facts name one cell.
    #[error("{cell} stands twice in the fleet")]
    DuplicateCell {
        /// The cell.
        cell: CellId,
    },
    /// The fleet has no such cell.
    #[error("the fleet has no {cell}")]
    UnknownCell {
        /// The cell.
        cell: CellId,
    },
    /// A load is negative or not finite.
    #[error(
        "the load of {cell} must be a finite number of requests a second, 0 or more, not {found}"
    )]
    Load {
        /// The cell.
        cell: CellId,
        /// What was given.
        found: f64,
    },
    /// A capacity is zero, negative or not finite.
    #[error(
        "the load capacity of {cell} must be a finite number of requests a second above 0, not {found}"
    )]
    LoadCapacity {
        /// The cell.
        cell: CellId,
        /// What was given.
        found: f64,
    },
}
