//! Who owns a tenant after the directory itself was restored from a backup.
//!
//! The backup may miss flips, and the fences do not: they are where the writes are. The restored directory
//! issues nothing for a tenant before [`settle`] has answered, all *other* cells have followed the answer
//! ([`follow`](super::follow())), and only then the answer is written. In this order a target that was ready
//! cannot be activated any more by somebody who read the directory before its loss.

use std::{borrow::Cow, cmp::Reverse};

use tenancy_types::{CellId, Code, Epoch, Kind, Lifecycle, Placement, Problem};

use super::{Fence, FenceState};

/// What a cell said of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surveyed {
    /// It did not answer.
    Unreachable,
    /// Its fence; `None` when it has none.
    Fence(Option<Fence>),
}

/// Why nobody can say who owns a tenant. It stays as it is, and nothing is issued for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsettled {
    /// A cell did not answer, and could be the owner.
    #[error("{cell} did not say whether it owns the tenant")]
    Unreachable {
        /// The cell.
        cell: CellId,
    },
    /// Two cells own it by their fences. At most one is right, and a person must say which.
    #[error("{one} and {other} both own the tenant")]
    TwoOwners {
        /// The one with the newer epoch.
        one: CellId,
        /// The other one.
        other: CellId,
    },
    /// No cell serves the tenant.
    #[error("no cell serves the tenant")]
    NoOwner,
    /// An epoch of the new incarnation, or of a later one, is there already.
    #[error("incarnation {incarnation} is not new")]
    UsedIncarnation {
        /// The incarnation.
        incarnation: u16,
    },
}

impl Problem for Unsettled {
    fn code(&self) -> Code {
        Code::new("ownership_unsettled")
    }

    fn kind(&self) -> Kind {
        Kind::Unavailable
    }

    fn client_text(&self) -> Cow<'static, str> {
        "this is not available at the moment".into()
    }
}

/// The placement with which a restored directory goes on, in its new incarnation.
///
/// The fence that serves at the newest epoch wins over the backup: one that is active or fenced or, when the
/// loss came in the middle of a move, sealed. Its lifecycle wins too, unless the backup knows a newer change.
/// The order of `cells` does not matter.
///
/// # Errors
/// [`Unsettled`] says why nobody can know.
pub fn settle(
    backup: Placement,
    incarnation: u16,
    cells: &[(CellId, Surveyed)],
) -> Result<Placement, Unsettled> {
    let mut serving = Vec::new();
    for &(cell, surveyed) in cells {
        let fence = match surveyed {
            Surveyed::Unreachable => return Err(Unsettled::Unreachable { cell }),
            Surveyed::Fence(None) => continue,
            Surveyed::Fence(Some(fence)) => fence,
        };
        if fence.epoch.incarnation() >= incarnation {
            return Err(Unsettled::UsedIncarnation { incarnation });
        }
        if serves(fence) {
            serving.push((cell, fence));
        }
    }
    if backup.epoch.incarnation() >= incarnation {
        return Err(Unsettled::UsedIncarnation { incarnation });
    }
    serving.sort_by_key(|&(cell, fence)| (Reverse(fence.epoch), cell));
    if let Some((one, other)) = rivals(&serving) {
        return Err(Unsettled::TwoOwners { one, other });
    }
    let &(cell, fence) = serving.first().ok_or(Unsettled::NoOwner)?;
    let lifecycle = lifecycle(backup, cell, fence);
    Ok(Placement::new(cell, lifecycle, Epoch::new(incarnation, 1)))
}

/// Two that write, or two that the epoch does not tell apart.
fn rivals(serving: &[(CellId, Fence)]) -> Option<(CellId, CellId)> {
    let mut writing = serving.iter().filter(|(_, fence)| writes(*fence));
    if let (Some((one, _)), Some((other, _))) = (writing.next(), writing.next()) {
        return Some((*one, *other));
    }
    match serving {
        [(one, newest), (other, next), ..] if newest.epoch == next.epoch => Some((*one, *other)),
        _ => None,
    }
}

/// The directory is changed before the fence, so a backup may be ahead of it.
fn lifecycle(backup: Placement, cell: CellId, fence: Fence) -> Lifecycle {
    if backup.cell == cell && backup.epoch > fence.epoch {
        backup.lifecycle
    } else {
        fence.lifecycle
    }
}

const fn serves(fence: Fence) -> bool {
    writes(fence) || matches!(fence.state, FenceState::Sealed)
}

/// A fence that was set lifts itself, so it counts as open.
const fn writes(fence: Fence) -> bool {
    matches!(fence.state, FenceState::Active | FenceState::Fenced { .. })
}
