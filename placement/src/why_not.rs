use std::fmt;

use tenancy_types::{CellId, Region};

use crate::CellStatus;

/// A cell that could not take the tenant, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The cell.
    pub cell: CellId,
    /// The first rule that spoke against it.
    pub why_not: WhyNot,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.cell, self.why_not)
    }
}

/// Why a cell cannot take a tenant, whatever its score. Displayed, it continues the cell's name.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WhyNot {
    /// The tenant's data must stay in another region.
    OtherRegion {
        /// The cell's region.
        region: Region,
        /// Where the tenant must be.
        wanted: Region,
    },
    /// The cell takes no tenants.
    NotOpen {
        /// What it does instead.
        status: CellStatus,
    },
    /// The cell has as many tenants as it may.
    Full {
        /// Tenants it has.
        tenants: u32,
        /// The most it may have.
        max_tenants: u32,
    },
    /// The expected load does not fit. All three in requests a second.
    NoHeadroom {
        /// The cell's load.
        load: f64,
        /// What the tenant is expected to add.
        expected: f64,
        /// The most the cell is planned for.
        load_capacity: f64,
    },
}

impl fmt::Display for WhyNot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherRegion { region, wanted } => {
                write!(f, "is in {region}, the tenant must be in {wanted}")
            }
            Self::NotOpen { status } => write!(f, "is {status}"),
            Self::Full {
                tenants,
                max_tenants,
            } => write!(f, "is full: {tenants} of {max_tenants} tenants"),
            Self::NoHeadroom {
                load,
                expected,
                load_capacity,
            } => write!(
                f,
                "has no headroom: {load:.1} + {expected:.1} of {load_capacity:.1} requests/s"
            ),
        }
    }
}
