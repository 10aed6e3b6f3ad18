//! What `storefront serve` is told: addresses, folder, cells, plans.

mod cells;
mod plans;

use std::{net::SocketAddr, path::PathBuf};

use tenancy_types::{DomainName, PlanSet};

pub use cells::{CellSpec, CellsSpec, InvalidCells};
pub use plans::{PlansError, read_plans};

/// The settings of one all-in-one process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where shops are served.
    pub listen: SocketAddr,
    /// Where operators and probes are served.
    pub ops_listen: SocketAddr,
    /// The folder that holds everything: directory, cells, operator token.
    pub data: PathBuf,
    /// Which cells there are.
    pub cells: CellsSpec,
    /// The domain below which every shop has a name of its own.
    pub platform_domain: DomainName,
    /// What shops may take.
    pub plans: PlanSet,
    /// Whether an empty platform gets two demo shops.
    pub demo: Demo,
}

/// Whether an empty platform gets two demo shops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    /// It gets them, when there is no shop at all.
    WhenEmpty,
    /// It stays empty.
    Never,
}
