//! Whether a cell and the directory belong together, and are of one time. Decides, and asks nobody.
//!
//! Tenants are numbered by the directory, and their rows stand under these numbers in cells that may be elsewhere. A
//! cell of another platform, or a directory that was restored from a copy that is older than the cell, would give a
//! number out again under which there are rows: a new shop would then be somebody else's. The directory is always
//! written first, so a cell that knows more than its directory shows that something is wrong.

use tenancy_core::{directory::DirectoryId, protocol::Fence};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, TenantId};

/// Whose a cell is: which directory numbers its tenants, and the cell's number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) directory: DirectoryId,
    pub(super) cell: CellId,
}

/// Why a cell and the directory do not go together. Nothing of a tenant was changed, and in another platform's cell
/// nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Disagreement {
    /// The cell is another platform's.
    #[error(
        "{cell} belongs to another platform, whose directory is {found}, and the directory of this data folder is \
         {ours}: serve it with the data folder that it was first served with, or give this platform a database of its own"
    )]
    OtherPlatform {
        /// The cell.
        cell: CellId,
        /// The directory that numbers its tenants.
        found: DirectoryId,
        /// The directory of the data folder.
        ours: DirectoryId,
    },
    /// The cell has another number.
    #[error("the database of {asked} is that of {found}: serve it under its own name")]
    OtherCell {
        /// The number it was served under.
        asked: CellId,
        /// Its number.
        found: CellId,
    },
    /// The cell has a tenant that does not live there.
    #[error(
        "{cell} has rows of tenant {tenant}, who does not live there by the directory: the data folder is older than \
         the cell, or another platform's; restore the folder and the cell from copies of one moment"
    )]
    Unknown {
        /// The cell.
        cell: CellId,
        /// The tenant.
        tenant: TenantId,
    },
    /// The cell has seen more of a tenant's life than the directory.
    #[error(
        "{cell} has tenant {tenant} at epoch {found}, and the directory at {known}: the data folder is older than the \
         cell; restore the folder and the cell from copies of one moment"
    )]
    Ahead {
        /// The cell.
        cell: CellId,
        /// The tenant.
        tenant: TenantId,
        /// The epoch in the cell.
        found: Epoch,
        /// The epoch in the directory.
        known: Epoch,
    },
    /// The cell does not know a tenant that lives there.
    #[error(
        "{cell} has nothing of tenant {tenant}, who lives there by the directory: the cell is older than the data \
         folder, or is another one; restore the folder and the cell from copies of one moment"
    )]
    Missing {
        /// The cell.
        cell: CellId,
        /// The tenant.
        tenant: TenantId,
    },
}

/// How a tenant's fence stands to the directory, when both go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is nothing to do.
    Agrees,
    /// A crash came between directory and fence, which is to be brought up.
    Behind,
}

/// Looks whether a cell is the one that it is taken for.
pub(super) fn compare_owner(ours: Owner, found: Owner) -> Result<(), Disagreement> {
    if found.directory != ours.directory {
        return Err(Disagreement::OtherPlatform {
            cell: ours.cell,
            found: found.directory,
            ours: ours.directory,
        });
    }
    if found.cell != ours.cell {
        return Err(Disagreement::OtherCell {
            asked: ours.cell,
            found: found.cell,
        });
    }
    Ok(())
}

/// Looks how a tenant's fence in the cell of its placement stands to the directory.
pub(super) fn compare(
    tenant: TenantId,
    placement: Placement,
    fence: Option<Fence>,
) -> Result<Standing, Disagreement> {
    let Placement {
        cell,
        lifecycle,
        epoch,
        ..
    } = placement;
    match (fence, lifecycle) {
        (Some(Fence { epoch: found, .. }), _) if found > epoch => Err(Disagreement::Ahead {
            cell,
            tenant,
            found,
            known: epoch,
        }),
        // What is being provisioned is brought on by its workflow, which makes the fence. What is gone needs nothing
        // any more, and one that was given up early has no fence.
        (_, Lifecycle::Provisioning | Lifecycle::Gone) => Ok(Standing::Agrees),
        (None, _) => Err(Disagreement::Missing { cell, tenant }),
        (Some(fence), _) if fence.epoch < epoch => Ok(Standing::Behind),
        (Some(_), _) => Ok(Standing::Agrees),
    }
}

#[cfg(test)]
mod tests {
    use tenancy_core::protocol::FenceState;

    use super::*;

    const TENANT: TenantId = TenantId::new(7).expect("it is not 0");

    fn cell(number: u16) -> CellId {
        CellId::new(number).unwrap()
    }

    fn epoch(steps: usize) -> Epoch {
        (0..steps).fold(Epoch::FIRST, |epoch, _| epoch.next().unwrap())
    }

    /// The directory's epoch is the second one; fences are given as how many steps they are from the first.
    #[track_caller]
    fn check(lifecycle: Lifecycle, fence: Option<usize>, expect: Result<Standing, &str>) {
        let placement = Placement::new(cell(1), lifecycle, epoch(1));
        let fence = fence.map(|steps| Fence {
            state: FenceState::Active,
            lifecycle: Lifecycle::Active,
            epoch: epoch(steps),
        });
        let found = compare(TENANT, placement, fence).map_err(|error| error.to_string());
        match (&found, expect) {
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (found, expect) => assert_eq!(found.as_ref().ok(), expect.as_ref().ok()),
        }
    }

    #[test]
    fn a_fence_behind_is_brought_up_and_one_ahead_refused() {
        use Lifecycle::{Active, Gone, Offboarding, Provisioning, Purging, Suspended};
        for lifecycle in [Active, Suspended, Offboarding, Purging] {
            check(lifecycle, Some(0), Ok(Standing::Behind));
            check(lifecycle, None, Err("cell-1 has nothing of tenant 7"));
        }
        for lifecycle in [Provisioning, Gone] {
            check(lifecycle, Some(0), Ok(Standing::Agrees));
            check(lifecycle, None, Ok(Standing::Agrees));
        }
        for lifecycle in [Active, Suspended, Offboarding, Purging, Provisioning, Gone] {
            check(lifecycle, Some(1), Ok(Standing::Agrees));
            let ahead = "cell-1 has tenant 7 at epoch 0.3, and the directory at 0.2";
            check(lifecycle, Some(2), Err(ahead));
        }
    }

    #[test]
    fn a_cell_has_one_owner() {
        let id = |digit: &str| digit.repeat(32).parse().unwrap();
        let owner = |directory, number| Owner {
            directory,
            cell: cell(number),
        };
        let ours = owner(id("a"), 1);
        assert_eq!(compare_owner(ours, ours), Ok(()));
        let other = compare_owner(ours, owner(id("b"), 1)).unwrap_err();
        assert!(matches!(other, Disagreement::OtherPlatform { .. }));
        let other = compare_owner(ours, owner(id("a"), 2)).unwrap_err();
        assert_eq!(
            other.to_string(),
            "the database of cell-1 is that of cell-2: serve it under its own name"
        );
    }
}
