//! What `storefront serve` is told: addresses, folder, cells, plans.

mod cells;
mod plans;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use tenancy_types::{DomainName, PlanSet, UnixMicros};

use crate::front::Front;

pub use cells::{CellPlace, CellSpec, CellsSpec, InvalidCells};
pub use plans::{PlansError, read_plans};

/// The settings of one all-in-one process.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where shops are served.
    pub listen: SocketAddr,
    /// Where operators and probes are served.
    pub ops_listen: SocketAddr,
    /// What visitors speak, and how sockets are handed over.
    pub front: Front,
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
    /// How long a shop that leaves is kept before it is purged.
    pub grace: Duration,
    /// How long the payment provider may take to answer.
    pub payment_limit: Duration,
    /// How long the platform's own work rests between two rounds.
    pub rest: Duration,
}

impl Config {
    /// When a shop that leaves now is purged.
    #[must_use]
    pub fn purge_after(&self, now: UnixMicros) -> UnixMicros {
        let grace = i64::try_from(self.grace.as_micros()).unwrap_or(i64::MAX);
        UnixMicros::new(now.get().saturating_add(grace))
    }
}

/// Whether an empty platform gets two demo shops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demo {
    /// It gets them, when there is no shop at all.
    WhenEmpty,
    /// It stays empty.
    Never,
}
