//! Which cell takes the next shop: facts from the directory and from what the cells serve.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tenancy_core::directory::CellLoad;
use tenancy_placement::{
    Assignment, CellFacts, CellStatus, Demand, Fleet, NoCell, Residency, assign,
};
use tenancy_types::{CellId, Nanos, Region};

/// Requests a second that a shop is planned for before it has been measured. A thousand quiet shops make
/// fifty requests a second.
const EXPECTED: f64 = 0.05;
/// Requests a second that an embedded cell is planned for: a third of what one core of 2026 serves.
const CELL_CAPACITY: f64 = 2_000.0;
/// The time over which a cell's rate is averaged.
const WINDOW: Duration = Duration::from_secs(60);

/// Counts the requests that reach each cell.
#[derive(Debug)]
pub struct Meters(BTreeMap<CellId, Meter>);

#[derive(Debug, Default)]
struct Meter {
    served: AtomicU64,
    /// What had been served at the last look, and the averaged rate then: bits of an `f64`.
    seen: AtomicU64,
    rate: AtomicU64,
    looked: AtomicU64,
}

impl Meters {
    /// Meters for these cells.
    pub fn new(cells: impl IntoIterator<Item = CellId>) -> Self {
        Self(
            cells
                .into_iter()
                .map(|cell| (cell, Meter::default()))
                .collect(),
        )
    }

    /// Counts a request.
    pub fn count(&self, cell: CellId) {
        if let Some(meter) = self.0.get(&cell) {
            meter.served.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The requests a second of a cell, averaged with a window of a minute.
    pub fn rate(&self, cell: CellId, now: Nanos) -> f64 {
        self.0.get(&cell).map_or(0.0, |meter| meter.look(now))
    }
}

impl Meter {
    /// Two looks at once may both move the average; it is an estimate, and neither is wrong for long.
    fn look(&self, now: Nanos) -> f64 {
        let passed = now
            .since(Nanos::new(self.looked.swap(now.get(), Ordering::Relaxed)))
            .as_secs_f64();
        let served = self.served.load(Ordering::Relaxed);
        let new = served.saturating_sub(self.seen.swap(served, Ordering::Relaxed));
        let old = f64::from_bits(self.rate.load(Ordering::Relaxed));
        let rate = averaged(old, new, passed);
        self.rate.store(rate.to_bits(), Ordering::Relaxed);
        rate
    }
}

/// An exponentially weighted average: `new` requests in `passed` seconds on top of the rate before.
fn averaged(old: f64, new: u64, passed: f64) -> f64 {
    let kept = (-passed / WINDOW.as_secs_f64()).exp();
    // The mean over the passed time counts by what has faded of the old rate.
    let mean = if passed > 0.0 {
        new as f64 / passed
    } else {
        old
    };
    old * kept + mean * (1.0 - kept)
}

/// The cell for a new shop, explained.
///
/// # Errors
/// [`NoCell`] when no cell can take it, with the reason of each.
pub(super) fn choose(
    loads: &[CellLoad],
    meters: &Meters,
    region: Option<&Region>,
    now: Nanos,
) -> Result<Assignment, NoCell> {
    let facts = loads.iter().map(|load| CellFacts {
        cell: load.record.cell,
        region: load.record.region.clone(),
        status: CellStatus::Open,
        tenants: load.tenants,
        max_tenants: load.record.capacity,
        load: meters.rate(load.record.cell, now) + f64::from(load.tenants) * EXPECTED,
        load_capacity: CELL_CAPACITY.max(f64::from(load.record.capacity) * EXPECTED),
    });
    let fleet = Fleet::new(facts).expect("the directory has each cell once, and rates are finite");
    let residency = region.map_or(Residency::Any, |region| Residency::In(region.clone()));
    let demand = Demand::new(residency, EXPECTED).expect("the expected load is a positive number");
    // Ties are broken the same way each time: by a seed that does not change.
    assign(&fleet, &demand, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_follows_a_steady_rate_and_forgets_it() {
        let mut rate = 0.0;
        for _ in 0..60 {
            rate = averaged(rate, 1_000, 10.0);
        }
        assert!((rate - 100.0).abs() < 0.1, "{rate}");
        assert!(averaged(rate, 0, 600.0) < 0.01);
        assert!(
            (averaged(rate, 0, 0.0) - rate).abs() < 1e-9,
            "a second look at once changes nothing"
        );
    }

    #[test]
    fn a_busy_cell_gets_no_further_shop() {
        let [quiet, busy] = [1, 2].map(|number| CellId::new(number).unwrap());
        let meters = Meters::new([quiet, busy]);
        let load = |cell, tenants| CellLoad {
            record: tenancy_core::directory::CellRecord {
                cell,
                region: "eu".parse().unwrap(),
                capacity: 10_000,
            },
            tenants,
        };
        let second = |n: u64| Nanos::new(1 + n * 1_000_000_000);
        let chosen = |quiet_tenants, at| {
            choose(
                &[load(quiet, quiet_tenants), load(busy, 10)],
                &meters,
                None,
                second(at),
            )
            .unwrap()
            .cell()
        };
        assert_eq!(chosen(20, 0), busy, "with no traffic the emptier one");
        for _ in 0..100_000 {
            meters.count(busy);
        }
        assert_eq!(chosen(20, 60), quiet, "then the quiet one");
    }
}
