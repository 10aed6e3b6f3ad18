use std::borrow::Cow;

use tenancy_types::{Code, EpochExhausted, Kind, Placement, Problem};

use super::{Fence, FenceEvent, Mover, PlacementEvent};

/// An event that the table does not list for the present state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// Not now, for the directory's row.
    #[error("a placement of {placement:?} does not take {event:?}")]
    Placement {
        /// The row as it is.
        placement: Placement,
        /// What was wanted.
        event: PlacementEvent,
    },
    /// Not now, for the cell's row.
    #[error("a fence of {fence:?} does not take {event:?}")]
    Fence {
        /// The row as it is; `None` when the cell has none.
        fence: Option<Fence>,
        /// What was wanted.
        event: FenceEvent,
    },
    /// The cell's row does not name this mover, so it must not act there.
    #[error("the cell's mover is {found:?}, not {mover:?}")]
    Superseded {
        /// Who wanted to act.
        mover: Mover,
        /// The row as it is; `None` when the cell has none.
        found: Option<Mover>,
    },
    /// The cell's fence is not at the place in a move where this mover could act on it.
    #[error("a fence of {fence:?} is not for {mover:?}")]
    NotItsFence {
        /// Who wanted to act.
        mover: Mover,
        /// The cell's fence.
        fence: Option<Fence>,
    },
    /// There is no further epoch to give the change.
    #[error("a tenant cannot change any more")]
    Exhausted(#[from] EpochExhausted),
}

impl Problem for Rejected {
    fn code(&self) -> Code {
        match self {
            Self::Placement { .. } | Self::Fence { .. } | Self::NotItsFence { .. } => {
                Code::new("transition_rejected")
            }
            Self::Superseded { .. } => Code::new("mover_superseded"),
            Self::Exhausted(_) => Code::new("epochs_exhausted"),
        }
    }

    fn kind(&self) -> Kind {
        Kind::Conflict
    }

    fn client_text(&self) -> Cow<'static, str> {
        "the tenant's present state does not allow this change".into()
    }
}
