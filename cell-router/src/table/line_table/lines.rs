//! All lines of a generation: an open-addressed table whose buckets are cache lines.

use std::sync::Arc;

use tenancy_types::TenantId;

use super::{
    fingerprint::Fingerprint,
    line::{Line, Probe, SLOTS},
};

/// A table of the fewest names has so many lines.
const FEWEST: usize = 4;

/// A name belongs into the line that its fingerprint says, or, when that is full, into the next one that is not.
/// Cloning it is cheap: the lines are shared.
#[derive(Clone)]
pub(super) struct Lines(Arc<[Line]>);

/// Where a name is, or would be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seat {
    pub(super) line: usize,
    pub(super) slot: usize,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Free,
    /// The tenant has the name; none when it was removed.
    Taken(Option<TenantId>),
}

impl Lines {
    /// Lines that so many names fill to three quarters: 21 bytes a name.
    pub(super) fn with_room_for(names: usize) -> Self {
        let count = names * 4 / (3 * SLOTS) + FEWEST;
        Self((0..count).map(|_| Line::default()).collect())
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn slots(&self) -> usize {
        self.0.len() * SLOTS
    }

    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.0)
    }

    /// The line where the search for a name begins: the fingerprint as a fraction of the number of lines, so that
    /// any number will do.
    #[inline]
    fn first(&self, name: Fingerprint) -> usize {
        ((u128::from(name.high) * self.0.len() as u128) >> 64) as usize
    }

    /// Where the name is, or would be; `None` when there is no slot left for it.
    #[inline]
    pub(super) fn seek(&self, name: Fingerprint) -> Option<Seat> {
        let first = self.first(name);
        let mut line = first;
        loop {
            let (slot, state) = match self.0[line].probe(name) {
                Probe::Taken(slot, tenant) => (slot, State::Taken(tenant)),
                Probe::Free(slot) => (slot, State::Free),
                Probe::Full => {
                    line = if line + 1 == self.0.len() {
                        0
                    } else {
                        line + 1
                    };
                    if line == first {
                        return None;
                    }
                    continue;
                }
            };
            return Some(Seat { line, slot, state });
        }
    }

    /// The tenant that has the name.
    #[inline]
    pub(super) fn find(&self, name: Fingerprint) -> Option<TenantId> {
        match self.seek(name)?.state {
            State::Taken(tenant) => tenant,
            State::Free => None,
        }
    }

    /// How many lines a search reads that ends at `seat`.
    pub(super) fn read_until(&self, name: Fingerprint, seat: Seat) -> usize {
        let count = self.0.len();
        (seat.line + count - self.first(name)) % count + 1
    }

    /// Gives the seat, which is free, to the name.
    pub(super) fn publish(&self, seat: Seat, name: Fingerprint, tenant: TenantId) {
        self.0[seat.line].publish(seat.slot, name, tenant);
    }

    /// Lets the name of the seat lead elsewhere.
    pub(super) fn point(&self, seat: Seat, name: Fingerprint, tenant: Option<TenantId>) {
        self.0[seat.line].point(seat.slot, name, tenant);
    }

    /// The names in a line, removed ones included.
    pub(super) fn names(
        &self,
        line: usize,
    ) -> impl Iterator<Item = (Fingerprint, Option<TenantId>)> {
        self.0[line].names()
    }
}
