//! Ids of products and variants, made by the application.
//!
//! A sequence of the database would be shared by all tenants of a cell, and could not be handed over when a
//! tenant moves. So an id says when and where it was made, in 63 bits, high to low:
//!
//! | 41 bits | 12 bits | 10 bits |
//! | --- | --- | --- |
//! | milliseconds since 2026-01-01 UTC, good until 2095 | the cell | a counter |
//!
//! Ids of one [`Ids`] rise, whatever the clock does: when it stands still or steps back, the counter runs on
//! and borrows from the milliseconds to come. Two sources of one cell at one time could collide, so a cell
//! has one. After a restart with a clock that went back further than the process was away an id might be
//! given twice; the primary key then refuses the row, and nothing is overwritten.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tenancy_types::{CellId, Clock, UnixMicros};

const EPOCH_MILLIS: i64 = 1_767_225_600_000;
const COUNTER_BITS: u32 = 10;
const CELL_BITS: u32 = 12;
const TIME_BITS: u32 = 41;

/// A cell's source of ids.
pub struct Ids {
    cell: CellId,
    clock: Arc<dyn Clock>,
    /// The slot of the last id: milliseconds and counter, without the cell.
    last: AtomicU64,
}

impl Ids {
    /// The source of a cell.
    #[must_use]
    pub fn new(cell: CellId, clock: Arc<dyn Clock>) -> Self {
        let last = AtomicU64::new(0);
        Self { cell, clock, last }
    }

    /// A new id: positive, and greater than all before it from this source. Lock-free.
    pub fn next(&self) -> i64 {
        let now = self.clock.unix();
        let step = |last| Some(slot_after(last, now));
        let last = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
            .expect("a step always exists");
        compose(slot_after(last, now), self.cell)
    }

    /// The time, for rows that say when they changed.
    #[must_use]
    pub fn now(&self) -> UnixMicros {
        self.clock.unix()
    }
}

impl fmt::Debug for Ids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ids({})", self.cell)
    }
}

/// The first slot of this millisecond, or the next one when that has been given away.
fn slot_after(last: u64, now: UnixMicros) -> u64 {
    let millis = (now.get().div_euclid(1_000) - EPOCH_MILLIS).max(0);
    (millis.cast_unsigned() << COUNTER_BITS).max(last + 1)
}

fn compose(slot: u64, cell: CellId) -> i64 {
    let counter = slot & ((1 << COUNTER_BITS) - 1);
    let millis = (slot >> COUNTER_BITS) & ((1 << TIME_BITS) - 1);
    let id = ((millis << CELL_BITS | u64::from(cell.get())) << COUNTER_BITS) | counter;
    id.cast_signed()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_rise_whatever_the_clock_does(
            times in prop::collection::vec(-1_i64..=1 << 40, 1..200),
            cell in 1_u16..=4_095,
        ) {
            let cell = CellId::new(cell).unwrap();
            let (mut last, mut before) = (0, 0);
            for millis in times {
                let now = UnixMicros::new((EPOCH_MILLIS + millis) * 1_000);
                last = slot_after(last, now);
                let id = compose(last, cell);
                prop_assert!(id > before);
                prop_assert_eq!((id >> COUNTER_BITS) & 0xfff, i64::from(cell.get()));
                before = id;
            }
        }
    }

    #[test]
    fn ids_of_many_threads_differ() {
        let clock = Arc::new(tenancy_types::ManualClock::default());
        let ids = Ids::new(CellId::new(7).unwrap(), clock);
        let take = || (0..5_000).map(|_| ids.next()).collect::<Vec<_>>();
        let mut all = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            let taken = threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap());
            taken.collect::<Vec<_>>()
        });
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 20_000);
    }
}
