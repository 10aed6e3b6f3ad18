//! A cell's row of who moves a tenant.
//!
//! A mover that was stopped and taken over may wake up at any later time. Each of its transactions in a cell
//! therefore locks this row and asks [`admits_source`] or [`admits_target`] before it does anything, and a
//! take-over begins with a [`claim`] in both cells, which waits for that lock.

use tenancy_types::Epoch;

use super::{Fence, FenceState, Rejected};

/// Who moves a tenant. A later move is greater, and so is who takes a move over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mover {
    /// The epoch that its move reserved.
    pub reserved: Epoch,
    /// Rises with each take-over of that move.
    pub token: u64,
}

/// The row after a mover has claimed it. Doing it twice does it once.
///
/// # Errors
/// [`Rejected::Superseded`] when a greater mover was there.
pub fn claim(row: Option<Mover>, mover: Mover) -> Result<Mover, Rejected> {
    if row.is_none_or(|found| found <= mover) {
        Ok(mover)
    } else {
        Err(Rejected::Superseded { mover, found: row })
    }
}

/// Whether this mover may act in this cell.
///
/// # Errors
/// [`Rejected::Superseded`] when the row names another, or nobody: a cell that was restored from a backup has
/// forgotten its movers, because what they knew of its rows is not true any more. Who is not older than the
/// row claims it again and begins with looking.
pub fn admits(row: Option<Mover>, mover: Mover) -> Result<(), Rejected> {
    if row == Some(mover) {
        Ok(())
    } else {
        Err(Rejected::Superseded { mover, found: row })
    }
}

/// Whether this mover may fence, drain, read or seal the source of its move.
///
/// # Errors
/// As [`admits`], and [`Rejected::NotItsFence`] when the fence has another epoch than the one at which the
/// move began: the move was given up, or is done, and nobody has told the mover.
pub fn admits_source(
    fence: Option<Fence>,
    row: Option<Mover>,
    mover: Mover,
) -> Result<(), Rejected> {
    admits(row, mover)?;
    match fence {
        Some(Fence { epoch, .. }) if epoch.next() == Ok(mover.reserved) => Ok(()),
        _ => Err(Rejected::NotItsFence { mover, fence }),
    }
}

/// Whether this mover may write rows of its tenant to the target of its move, or say that all are there.
///
/// # Errors
/// As [`admits`], and [`Rejected::NotItsFence`] when the cell awaits no rows of this move.
pub fn admits_target(
    fence: Option<Fence>,
    row: Option<Mover>,
    mover: Mover,
) -> Result<(), Rejected> {
    admits(row, mover)?;
    match fence {
        Some(Fence {
            state: FenceState::Incoming,
            epoch,
            ..
        }) if epoch == mover.reserved => Ok(()),
        _ => Err(Rejected::NotItsFence { mover, fence }),
    }
}
