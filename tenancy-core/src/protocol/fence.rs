//! The cell's own row of a tenant.
//!
//! | event | from | to | epoch |
//! | --- | --- | --- | --- |
//! | create | nothing | active | given |
//! | lifecycle | active, fenced, sealed | active; gone when the lifecycle is | given, newer |
//! | set | active | fenced until a deadline | same |
//! | release | fenced | active | same |
//! | expire | fenced, deadline passed | active | same |
//! | seal | fenced | sealed | same |
//! | freeze | active, fenced | sealed | same |
//! | abort | active, fenced, sealed | active | the fence's and two |
//! | retire | active, fenced, sealed | gone | given, newer |
//! | receive | nothing; refused; gone, unless its lifecycle ended | incoming | given, newer |
//! | complete | incoming | ready | same |
//! | activate | ready | active | the fence's |
//! | refuse | nothing; incoming; ready; refused; gone, unless its lifecycle ended | refused | given, newer |
//!
//! A fence that was set lifts itself at its deadline, because a stopped mover must not keep a tenant from
//! writing for ever. A sealed one does not: only the directory knows whether the tenant has moved, so it is
//! left by *abort*, *lifecycle* or *retire*, all with an epoch that the directory gave. The directory changes
//! no lifecycle during a move, so one that is newer than the fence says that the move is over.
//!
//! The target says *ready* in its own database, after the last row and after the source was sealed. A cell
//! that was restored from a backup then either has the mark and every row before it, or is *incoming* again
//! and cannot be activated, whatever the directory says.
//!
//! Draining (waiting for writers that were admitted before the fence was set) changes no row, hence has no
//! event.

use tenancy_types::{Epoch, Lifecycle, UnixMicros};

use super::Rejected;

/// Whether a cell may serve a tenant, and at which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The part that moves with a move.
    pub state: FenceState,
    /// Where the tenant is in its life, kept beside it.
    pub lifecycle: Lifecycle,
    /// The epoch that a request must carry.
    pub epoch: Epoch,
}

/// Where a cell stands in a move. Exhaustive on purpose: every reader must decide about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FenceState {
    /// Being copied to this cell; not served here yet.
    Incoming,
    /// Copied to this cell wholly; served here once the directory says so.
    Ready,
    /// Served here.
    Active,
    /// Read here; writes wait until the deadline at the latest.
    Fenced {
        /// When the cell lifts the fence by itself.
        until: UnixMicros,
    },
    /// Read here; writes wait until the directory has been asked.
    Sealed,
    /// Was here, and is not any more.
    Gone,
    /// Was to come here, and will not.
    Refused,
}

/// What can happen to a fence. Exhaustive on purpose: whoever records them must decide about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FenceEvent {
    /// A new tenant is served by this cell.
    Create {
        /// Its lifecycle in the directory.
        lifecycle: Lifecycle,
        /// Its epoch in the directory.
        epoch: Epoch,
    },
    /// The directory's lifecycle reaches the cell.
    Lifecycle {
        /// The lifecycle.
        lifecycle: Lifecycle,
        /// The epoch of that change.
        epoch: Epoch,
    },
    /// New writes are refused, so that those under way can end.
    Set {
        /// When the cell may lift the fence by itself.
        until: UnixMicros,
    },
    /// The mover lifts the fence.
    Release,
    /// The cell lifts the fence by itself.
    Expire {
        /// Its time.
        now: UnixMicros,
    },
    /// The tail has been copied; what follows is the directory's decision.
    Seal,
    /// This cell was restored during a move from here, and the move may have been decided without it.
    Freeze,
    /// The move was given up: this cell, the source, keeps the tenant.
    Abort {
        /// The directory's epoch after the abort.
        epoch: Epoch,
    },
    /// The directory names another cell: this one is left.
    Retire {
        /// An epoch at which another cell owns the tenant.
        epoch: Epoch,
    },
    /// A copy begins to arrive at this cell, the target.
    Receive {
        /// The lifecycle the tenant has and keeps.
        lifecycle: Lifecycle,
        /// The epoch that the move reserved.
        epoch: Epoch,
    },
    /// Every row has arrived at this cell, the target, and the source is sealed.
    Complete,
    /// The directory names this cell, the target, as owner.
    Activate {
        /// The epoch that the move reserved. One read before an earlier move's end is another.
        epoch: Epoch,
    },
    /// The move was given up: this cell, the target, takes nothing of it any more.
    Refuse {
        /// The lifecycle the tenant has.
        lifecycle: Lifecycle,
        /// The directory's epoch after the abort.
        epoch: Epoch,
    },
}

/// The fence after an event; `None` is a cell without a row for the tenant.
///
/// # Errors
/// [`Rejected`] for everything the table does not list.
pub fn next(fence: Option<Fence>, event: FenceEvent) -> Result<Fence, Rejected> {
    let after = match fence {
        None => create(event),
        Some(fence) => change(fence, event),
    };
    after.ok_or(Rejected::Fence { fence, event })
}

fn create(event: FenceEvent) -> Option<Fence> {
    let (state, lifecycle, epoch) = match event {
        FenceEvent::Create { lifecycle, epoch } => (FenceState::Active, lifecycle, epoch),
        FenceEvent::Receive { lifecycle, epoch } => (FenceState::Incoming, lifecycle, epoch),
        // Also where nothing has arrived: a late `Receive` of the aborted move must find this row.
        FenceEvent::Refuse { lifecycle, epoch } => (FenceState::Refused, lifecycle, epoch),
        _ => return None,
    };
    (lifecycle != Lifecycle::Gone).then_some(Fence {
        state,
        lifecycle,
        epoch,
    })
}

fn change(fence: Fence, event: FenceEvent) -> Option<Fence> {
    use FenceState::{Active, Fenced, Gone, Incoming, Ready, Refused, Sealed};
    let newer = |epoch: Epoch| epoch > fence.epoch;
    let at = |state, epoch| Fence {
        state,
        epoch,
        ..fence
    };
    let after = match (fence.state, event) {
        (Active | Fenced { .. } | Sealed, FenceEvent::Lifecycle { lifecycle, epoch })
            if newer(epoch) =>
        {
            Fence {
                state: if lifecycle == Lifecycle::Gone {
                    Gone
                } else {
                    Active
                },
                lifecycle,
                epoch,
            }
        }
        (Active, FenceEvent::Set { until }) => at(Fenced { until }, fence.epoch),
        (Fenced { .. }, FenceEvent::Release) => at(Active, fence.epoch),
        (Fenced { until }, FenceEvent::Expire { now }) if now >= until => at(Active, fence.epoch),
        (Fenced { .. }, FenceEvent::Seal) => at(Sealed, fence.epoch),
        (Active | Fenced { .. }, FenceEvent::Freeze) => at(Sealed, fence.epoch),
        // A later epoch may have come with another lifecycle, which this event would lose.
        (Active | Fenced { .. } | Sealed, FenceEvent::Abort { epoch })
            if fence.epoch.next().and_then(Epoch::next) == Ok(epoch) =>
        {
            at(Active, epoch)
        }
        (Active | Fenced { .. } | Sealed, FenceEvent::Retire { epoch }) if newer(epoch) => {
            at(Gone, epoch)
        }
        (Gone | Refused, FenceEvent::Receive { lifecycle, epoch })
            if newer(epoch) && fence.lifecycle != Lifecycle::Gone =>
        {
            Fence {
                state: Incoming,
                lifecycle,
                epoch,
            }
        }
        (Incoming, FenceEvent::Complete) => at(Ready, fence.epoch),
        (Ready, FenceEvent::Activate { epoch }) if epoch == fence.epoch => at(Active, epoch),
        (Incoming | Ready | Refused | Gone, FenceEvent::Refuse { lifecycle, epoch })
            if newer(epoch) && fence.lifecycle != Lifecycle::Gone =>
        {
            Fence {
                state: Refused,
                lifecycle,
                epoch,
            }
        }
        _ => return None,
    };
    Some(after)
}
