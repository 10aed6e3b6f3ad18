use std::cmp::Ordering;

use tenancy_types::{CellId, Epoch, Placement};

/// What a cell does with a request that a gateway has brought. Exhaustive on purpose: there is nothing else to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// The tenant lives here: it is served, with what this cell knows of it.
    Here(Placement),
    /// It lives elsewhere, which the gateway can be told.
    Elsewhere(Placement),
    /// Others know more of it than this cell does, which serves it no longer until it has caught up.
    Unknown,
}

/// Decides for a tenant of which others have said that it is at the epoch `heard`, and this cell's own routes say `own`.
///
/// | this cell's epoch is | and the tenant lives | |
/// | --- | --- | --- |
/// | not older | here | here: a change of lifecycle has not reached the gateway yet |
/// | newer | elsewhere | elsewhere |
/// | the same | elsewhere | unknown: an epoch has one owner, so one of both is of another history |
/// | older | anywhere | unknown |
///
/// It keeps requests from going astray. Who may write is [the fence's](super::admits_write) to say.
#[must_use]
pub fn whereabouts(heard: Epoch, own: Placement, here: CellId) -> Whereabouts {
    match own.epoch.cmp(&heard) {
        Ordering::Less => Whereabouts::Unknown,
        Ordering::Equal | Ordering::Greater if own.cell == here => Whereabouts::Here(own),
        Ordering::Equal => Whereabouts::Unknown,
        Ordering::Greater => Whereabouts::Elsewhere(own),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tenancy_types::Lifecycle;

    use super::*;

    fn own(cell: u16, seq: u32) -> Placement {
        let cell = CellId::new(cell).unwrap();
        Placement::new(cell, Lifecycle::Active, Epoch::new(0, seq))
    }

    #[track_caller]
    fn check(heard: u32, own: Placement, expect: Whereabouts) {
        let here = CellId::new(1).unwrap();
        assert_eq!(whereabouts(Epoch::new(0, heard), own, here), expect);
    }

    #[test]
    fn each_row_of_the_table() {
        check(5, own(1, 5), Whereabouts::Here(own(1, 5)));
        check(5, own(1, 6), Whereabouts::Here(own(1, 6)));
        check(5, own(2, 6), Whereabouts::Elsewhere(own(2, 6)));
        check(5, own(2, 5), Whereabouts::Unknown);
        check(5, own(1, 4), Whereabouts::Unknown);
        check(5, own(2, 4), Whereabouts::Unknown);
    }

    #[test]
    fn a_restored_directory_is_newer_than_all_before_it() {
        let restored = Placement {
            epoch: Epoch::new(1, 1),
            ..own(2, 0)
        };
        check(u32::MAX, restored, Whereabouts::Elsewhere(restored));
    }

    proptest! {
        /// Of cells whose tables are of one directory at most one serves, and who says elsewhere names a newer epoch.
        #[test]
        fn two_cells_never_send_a_request_back_and_forth(heard in 0..9_u32, one in 0..9_u32, other in 0..9_u32) {
            let history = |seq: u32| own(1 + (seq % 2) as u16, seq);
            let heard = Epoch::new(0, heard);
            if let Whereabouts::Elsewhere(first) = whereabouts(heard, history(one), CellId::new(1).unwrap()) {
                prop_assert!(first.epoch > heard);
                let then = whereabouts(first.epoch, history(other), first.cell);
                if let Whereabouts::Elsewhere(second) = then {
                    prop_assert!(second.epoch > first.epoch);
                }
            }
        }
    }
}
