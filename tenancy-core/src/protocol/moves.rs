use tenancy_types::{CellId, Epoch, EpochExhausted, Placement};

/// A move, as whoever drives it knows it. It is named by where it began: no two moves of a tenant leave the
/// same cell at the same epoch, because each ends with a newer one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    /// The source.
    pub from: CellId,
    /// The target.
    pub to: CellId,
    /// The tenant's epoch when the move started, and until it ends.
    pub epoch: Epoch,
}

impl Move {
    /// A move of a tenant that is placed so.
    #[must_use]
    pub const fn of(placement: Placement, to: CellId) -> Self {
        Self {
            from: placement.cell,
            to,
            epoch: placement.epoch,
        }
    }

    /// The epoch at which the target owns the tenant.
    ///
    /// # Errors
    /// There is none left; such a move does not start.
    pub const fn reserved(self) -> Result<Epoch, EpochExhausted> {
        self.epoch.next()
    }

    /// The epoch at which the source keeps the tenant. The reserved one is burnt.
    ///
    /// # Errors
    /// There is none left; such a move does not start.
    pub fn aborted(self) -> Result<Epoch, EpochExhausted> {
        self.reserved()?.next()
    }

    pub(super) fn may_start_at(self, placement: Placement) -> bool {
        !placement.moving && self.begins_at(placement)
    }

    pub(super) fn is_under_way_at(self, placement: Placement) -> bool {
        placement.moving && self.begins_at(placement)
    }

    fn begins_at(self, placement: Placement) -> bool {
        self.to != self.from && self.from == placement.cell && self.epoch == placement.epoch
    }
}
