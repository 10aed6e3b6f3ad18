use std::fmt;

use tenancy_types::{CellId, Lifecycle, Placement};

/// A placement as the words of a journal: `cell-1 active 0.2`. A tenant at which a workflow works does not
/// move.
pub(crate) struct Placed(pub(crate) Placement);

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Placement {
            cell,
            lifecycle,
            epoch,
            ..
        } = self.0;
        write!(f, "{cell} {lifecycle} {epoch}")
    }
}

impl Placed {
    /// The placement of the words, and of nothing else.
    pub(crate) fn parse(text: &str) -> Option<Placement> {
        let mut words = text.split(' ');
        let cell: CellId = words.next()?.parse().ok()?;
        let lifecycle: Lifecycle = words.next()?.parse().ok()?;
        let epoch = words.next()?.parse().ok()?;
        words
            .next()
            .is_none()
            .then(|| Placement::new(cell, lifecycle, epoch))
    }
}
