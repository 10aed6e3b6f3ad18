//! Tests of assignment.
#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

mod bad_facts;
mod explain;
mod properties;
mod rules;
mod spread;

use tenancy_placement::{CellFacts, CellStatus, Demand, Fleet, Residency};
use tenancy_types::CellId;

fn id(cell: u16) -> CellId {
    CellId::new(cell).unwrap()
}

/// An open, empty cell of `eu` for 100 tenants and 1,000 requests a second.
fn cell(number: u16) -> CellFacts {
    CellFacts {
        cell: id(number),
        region: "eu".parse().unwrap(),
        status: CellStatus::Open,
        tenants: 0,
        max_tenants: 100,
        load: 0.0,
        load_capacity: 1_000.0,
    }
}

fn fleet(cells: impl IntoIterator<Item = CellFacts>) -> Fleet {
    Fleet::new(cells).unwrap()
}

fn anywhere(load: f64) -> Demand {
    Demand::new(Residency::Any, load).unwrap()
}

fn within(region: &str, load: f64) -> Demand {
    Demand::new(Residency::In(region.parse().unwrap()), load).unwrap()
}
