//! Places a burst of tenants on a small fleet and explains the next decision.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::error::Error;

use tenancy_placement::{CellFacts, CellStatus, Demand, Fleet, Residency, assign};
use tenancy_types::CellId;

fn main() -> Result<(), Box<dyn Error>> {
    let mut fleet = Fleet::new([
        cell(1, "eu", CellStatus::Open)?,
        cell(2, "eu", CellStatus::Open)?,
        cell(3, "eu", CellStatus::Draining)?,
        cell(4, "us", CellStatus::Open)?,
    ])?;

    let demand = Demand::new(Residency::In("eu".parse()?), 0.5)?;
    for tenant in 0..1_000 {
        let cell = assign(&fleet, &demand, tenant)?.cell();
        fleet = fleet.with_placed(cell, &demand)?;
    }
    for facts in fleet.cells() {
        println!("{}: {} tenants", facts.cell, facts.tenants);
    }

    println!("\nThe next one:\n{:#}", assign(&fleet, &demand, 1_000)?);

    let demand = Demand::new(Residency::Any, 10_000.0)?;
    if let Err(no_cell) = assign(&fleet, &demand, 0) {
        println!("\nOne that is too large:\n{no_cell:#}");
    }
    Ok(())
}

fn cell(id: u16, region: &str, status: CellStatus) -> Result<CellFacts, Box<dyn Error>> {
    Ok(CellFacts {
        cell: CellId::new(id).ok_or("cells are numbered from 1")?,
        region: region.parse()?,
        status,
        tenants: 0,
        max_tenants: 20_000,
        load: 0.0,
        load_capacity: 2_000.0,
    })
}
