//! The next generation of lines: larger, or the same without the names that were removed.

use super::lines::Lines;

/// A copy of lines that is to be made. The fingerprints are all it takes, the names are not needed.
#[derive(Clone)]
pub(super) struct Rebuild {
    from: Lines,
    names: usize,
}

/// What became of a copy.
pub(super) enum Copied {
    Whole {
        lines: Lines,
        /// Slots that are not free.
        used: usize,
    },
    /// More names were added meanwhile than there is room for.
    Outgrown,
}

/// As many removed names do no harm yet.
const FEW: usize = 64;

impl Rebuild {
    pub(super) fn new(from: Lines, names: usize) -> Self {
        Self { from, names }
    }

    /// Whether searches become long: 17 of 20 slots are in use, or most of what is in use was removed.
    pub(super) fn is_due(used: usize, names: usize, slots: usize) -> bool {
        let removed = used - names;
        used * 20 > slots * 17 || removed > FEW.max(used / 2)
    }

    /// So many slots must not all be in use: a search ends at a free one.
    pub(super) fn limit(slots: usize) -> usize {
        slots / 16 * 15
    }

    pub(super) fn lines(&self) -> &Lines {
        &self.from
    }

    /// Copies the names that are not removed. What is changed meanwhile may be copied or not; the books know which
    /// lines that were.
    pub(super) fn run(&self) -> Copied {
        let lines = Lines::with_room_for(self.names);
        let limit = Self::limit(lines.slots());
        let mut used = 0;
        // Lines are in the order of their fingerprints but for those that were pushed along, so this writes the new
        // ones nearly in their order, too.
        for (name, tenant) in (0..self.from.count()).flat_map(|line| self.from.names(line)) {
            let Some(tenant) = tenant else { continue };
            if used + 1 >= limit {
                return Copied::Outgrown;
            }
            let seat = lines.seek(name).expect("some slots are free");
            // A name has one slot only, so this one is free.
            lines.publish(seat, name, tenant);
            used += 1;
        }
        Copied::Whole { lines, used }
    }
    /// The same while nothing is changed: the lines, and how many of their slots are not free.
    pub(super) fn run_alone(&self) -> (Lines, usize) {
        match self.run() {
            Copied::Whole { lines, used } => (lines, used),
            Copied::Outgrown => unreachable!("nothing is added meanwhile"),
        }
    }
}
