//! The directory's row of a tenant.
//!
//! | event | from | to | epoch |
//! | --- | --- | --- | --- |
//! | lifecycle | see [`may_become`] | the named lifecycle | `e+1` |
//! | start move | at rest; read-only, active, suspended or offboarding | moving | `e` (reserves `e+1`) |
//! | flip | moving, in this [`Move`] | the target cell, at rest | `e+1` |
//! | abort | moving, in this [`Move`] | the same cell, at rest | `e+2` |

use tenancy_types::{Lifecycle, Placement};

use super::{Move, Rejected};

/// What can happen to a placement. Exhaustive on purpose: whoever records them must decide about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PlacementEvent {
    /// The tenant's lifecycle becomes this one.
    Lifecycle(Lifecycle),
    /// A move to another cell begins. Reads go on; writes go on until the source is fenced.
    StartMove(Move),
    /// The commit point of a move: the target owns the tenant, with the lifecycle it had.
    Flip(Move),
    /// The move is given up: the source keeps the tenant.
    AbortMove(Move),
}

/// The placement after an event.
///
/// # Errors
/// [`Rejected`] for everything the table does not list, and when the epochs of an incarnation are used up.
pub fn next(placement: Placement, event: PlacementEvent) -> Result<Placement, Rejected> {
    let rejected = Rejected::Placement { placement, event };
    let Placement {
        cell,
        lifecycle,
        moving,
        epoch,
    } = placement;
    let after = match event {
        PlacementEvent::Lifecycle(to) if !moving && may_become(lifecycle, to) => {
            Placement::new(cell, to, epoch.next()?)
        }
        PlacementEvent::StartMove(the) if the.may_start_at(placement) && may_move(lifecycle) => {
            // The reserved epoch and the one an abort needs must exist before anything is copied.
            the.aborted()?;
            Placement {
                moving: true,
                ..placement
            }
        }
        PlacementEvent::Flip(the) if the.is_under_way_at(placement) => {
            Placement::new(the.to, lifecycle, the.reserved()?)
        }
        PlacementEvent::AbortMove(the) if the.is_under_way_at(placement) => {
            Placement::new(cell, lifecycle, the.aborted()?)
        }
        PlacementEvent::Lifecycle(_)
        | PlacementEvent::StartMove(_)
        | PlacementEvent::Flip(_)
        | PlacementEvent::AbortMove(_) => return Err(rejected),
    };
    Ok(after)
}

/// The legal order of lifecycles.
///
/// Leaving is undone to *suspended*, from where it is resumed on purpose. Rows are deleted only while
/// *purging*, from where no undo leads back: of an undo and a purge that meet, the directory lets one win,
/// and nobody is ever served with a part of its rows. A purge ends *gone*, or in *provisioning* when the
/// tenant is filled again from an archive; the latter may also begin from *suspended*. A tenant that was never
/// active is abandoned to *gone* at once: there is nothing to have second thoughts about, and an undo must not
/// serve what was never set up. From *gone* nothing returns.
#[must_use]
pub const fn may_become(from: Lifecycle, to: Lifecycle) -> bool {
    use Lifecycle::{Active, Gone, Offboarding, Provisioning, Purging, ReadOnly, Suspended};
    matches!(
        (from, to),
        (Provisioning, Active | Gone)
            | (Active, ReadOnly | Suspended | Offboarding)
            | (ReadOnly, Active | Suspended | Offboarding)
            | (Suspended, Active | ReadOnly | Offboarding | Purging)
            | (Offboarding, Suspended | Purging)
            | (Purging, Gone | Provisioning)
    )
}

/// What is being set up or emptied finishes where it is; what is gone has nothing to move.
const fn may_move(lifecycle: Lifecycle) -> bool {
    !matches!(
        lifecycle,
        Lifecycle::Provisioning | Lifecycle::Purging | Lifecycle::Gone
    )
}
