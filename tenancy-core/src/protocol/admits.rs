use tenancy_types::{Epoch, Lifecycle, UnixMicros};

use super::{Fence, FenceState};

/// Why a cell's fence does not let a transaction begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The cell does not serve this tenant.
    NotHere,
    /// The request was admitted at another epoch than the cell serves.
    StaleEpoch {
        /// The request's.
        expected: Epoch,
        /// The cell's.
        found: Epoch,
    },
    /// The tenant is moving: the cell is, or is about to be, the owner, and the request should wait.
    Fenced {
        /// When the cell lifts the fence by itself. `None` when that is somebody else's decision.
        until: Option<UnixMicros>,
    },
    /// The tenant's lifecycle does not allow writes.
    NotWritable {
        /// The lifecycle.
        lifecycle: Lifecycle,
    },
}

/// Whether a request that was admitted at `epoch` may write.
///
/// Provisioning admits writes, because the seed rows of a new tenant are written through the same door, and
/// purging does, because its rows are deleted through it. That only the platform's workflows write then is
/// the matter of [admission](crate::admit): the fence knows an epoch and not who asks.
///
/// # Errors
/// [`Denied`] says why not.
pub fn admits_write(fence: Option<Fence>, epoch: Epoch) -> Result<(), Denied> {
    let fence = served(fence, epoch)?;
    match (fence.state, fence.lifecycle) {
        (FenceState::Fenced { until }, _) => Err(Denied::Fenced { until: Some(until) }),
        (FenceState::Sealed, _) => Err(Denied::Fenced { until: None }),
        (_, Lifecycle::Provisioning | Lifecycle::Active | Lifecycle::Purging) => Ok(()),
        (_, lifecycle) => Err(Denied::NotWritable { lifecycle }),
    }
}

/// Whether a request that was admitted at `epoch` may read. Reads go on during a move.
///
/// The lifecycle does not matter here: admission lets no visitor read a suspended tenant, and every
/// visitor who was let in earlier carries an older epoch.
///
/// # Errors
/// [`Denied`] says why not.
pub fn admits_read(fence: Option<Fence>, epoch: Epoch) -> Result<(), Denied> {
    served(fence, epoch).map(drop)
}

/// The fence, if the cell serves the tenant at this epoch.
fn served(fence: Option<Fence>, epoch: Epoch) -> Result<Fence, Denied> {
    let fence = fence.ok_or(Denied::NotHere)?;
    match fence.state {
        FenceState::Gone | FenceState::Refused => Err(Denied::NotHere),
        // The directory has already named this cell, and the activation is under way.
        FenceState::Incoming | FenceState::Ready if epoch >= fence.epoch => {
            Err(Denied::Fenced { until: None })
        }
        FenceState::Incoming | FenceState::Ready => Err(Denied::NotHere),
        FenceState::Active | FenceState::Fenced { .. } | FenceState::Sealed => {
            if fence.epoch == epoch {
                Ok(fence)
            } else {
                Err(Denied::StaleEpoch {
                    expected: epoch,
                    found: fence.epoch,
                })
            }
        }
    }
}
