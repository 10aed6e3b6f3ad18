//! What the directory's row means for a cell's.
//!
//! Whoever crashed between the two rows left them different, and anybody can finish the work: read the
//! placement, ask [`follow`], and change the fence if it still is what was read. The placement may be old by
//! then; an older one changes nothing.
//!
//! After a flip the target comes first, so that the source is not left before somebody serves: *retire*
//! waits until the owner's fence is active.

use tenancy_types::{CellId, Placement};

use super::{Fence, FenceEvent, FenceState};

/// What must happen to the fence of cell `here`, or nothing. One change may lead to another: ask again.
///
/// *Incoming* at the cell that the directory names is nothing: rows are missing, and only a mover brings them.
#[must_use]
pub fn follow(fence: Option<Fence>, here: CellId, directory: Placement) -> Option<FenceEvent> {
    use FenceState::{Active, Fenced, Gone, Incoming, Ready, Refused, Sealed};
    let fence = fence?;
    let Placement {
        cell,
        lifecycle,
        epoch,
        ..
    } = directory;
    let newer = epoch > fence.epoch;
    match fence.state {
        Active | Fenced { .. } | Sealed if !newer => None,
        Active | Fenced { .. } | Sealed if cell == here => {
            Some(FenceEvent::Lifecycle { lifecycle, epoch })
        }
        Active | Fenced { .. } | Sealed => Some(FenceEvent::Retire { epoch }),
        // Named at a newer epoch, it was named at its own before: nobody refuses what was flipped to.
        Ready if cell == here && epoch >= fence.epoch => {
            Some(FenceEvent::Activate { epoch: fence.epoch })
        }
        Incoming | Ready if cell != here && newer => Some(FenceEvent::Refuse { lifecycle, epoch }),
        Incoming | Ready | Gone | Refused => None,
    }
}

/// What must happen to a fence in a cell that was restored or promoted, before it serves; ask until nothing.
///
/// More than [`follow`]: while the tenant moves away from here, the directory cannot tell whether this fence
/// had been sealed, and the flip may come at any time. So it is sealed. The cell's rows of movers are
/// deleted in the same transaction (see [`mover::admits`](super::mover::admits)).
#[must_use]
pub fn reassert(fence: Option<Fence>, here: CellId, directory: Placement) -> Option<FenceEvent> {
    let moves_away = directory.moving && directory.cell == here;
    follow(fence, here, directory).or_else(|| match fence?.state {
        FenceState::Active | FenceState::Fenced { .. } if moves_away => Some(FenceEvent::Freeze),
        _ => None,
    })
}
