use std::fmt;

use crate::{CellId, Epoch, Lifecycle};

/// What the directory says of a tenant: its cell, lifecycle, moving flag and epoch.
///
/// One machine word (cell 12 bits, lifecycle 3, moving 1, epoch 48), so that a route table changes it with a
/// single store and a reader never sees half of a change. The layout is persisted in snapshots.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Placement {
    /// The cell that owns the tenant.
    pub cell: CellId,
    /// Where the tenant is in its life.
    pub lifecycle: Lifecycle,
    /// Whether a move to another cell is under way. Reads go on; writes wait.
    pub moving: bool,
    /// Who owns the tenant, in the order of changes.
    pub epoch: Epoch,
}

const EPOCH_BITS: u32 = 48;
const MOVING: u64 = 1 << EPOCH_BITS;
const LIFECYCLE_SHIFT: u32 = EPOCH_BITS + 1;
const CELL_SHIFT: u32 = LIFECYCLE_SHIFT + 3;

impl Placement {
    /// A tenant at rest in a cell.
    #[must_use]
    pub const fn new(cell: CellId, lifecycle: Lifecycle, epoch: Epoch) -> Self {
        Self {
            cell,
            lifecycle,
            moving: false,
            epoch,
        }
    }

    /// The placement as one word, never 0.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        let moving = if self.moving { MOVING } else { 0 };
        (self.cell.get() as u64) << CELL_SHIFT
            | (self.lifecycle as u64) << LIFECYCLE_SHIFT
            | moving
            | self.epoch.to_bits()
    }

    /// The placement of a word.
    ///
    /// # Errors
    /// [`InvalidPlacement`] when the word names no cell or no lifecycle; 0 is such a word.
    #[inline]
    pub const fn from_word(word: u64) -> Result<Self, InvalidPlacement> {
        let cell = CellId::new((word >> CELL_SHIFT) as u16);
        let lifecycle = Lifecycle::from_bits((word >> LIFECYCLE_SHIFT) as u8 & 0b111);
        match (cell, lifecycle) {
            (Some(cell), Some(lifecycle)) => {
                let epoch = Epoch::from_bits(word & (MOVING - 1));
                Ok(Self {
                    cell,
                    lifecycle,
                    moving: word & MOVING != 0,
                    epoch,
                })
            }
            _ => Err(InvalidPlacement { word }),
        }
    }
}

impl fmt::Debug for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moving = if self.moving { ", moving" } else { "" };
        write!(
            f,
            "{} {}{moving} at {}",
            self.cell, self.lifecycle, self.epoch
        )
    }
}

/// A word that is no [`Placement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the word {word:#018x} is no placement")]
pub struct InvalidPlacement {
    /// The word.
    pub word: u64,
}
