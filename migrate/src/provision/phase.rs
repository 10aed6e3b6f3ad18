use tenancy_types::{Placement, TenantId};

use super::{Event, Refusal, Rejected};
use crate::workflow::Placed;

/// A tenant and where it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    /// The tenant.
    pub tenant: TenantId,
    /// Its placement, as the directory last gave it.
    pub placement: Placement,
}

impl Home {
    /// The home of a journal's words: `7 cell-1 active 0.2`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (tenant, rest) = text.split_once(' ')?;
        Some(Self {
            tenant: tenant.parse().ok()?,
            placement: Placed::parse(rest)?,
        })
    }
}

/// How far the making of a tenant has come. Each phase but the last two has exactly one act that comes next.
///
/// Exhaustive on purpose: whoever shows phases must decide about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The request is written down. Next: create the directory row.
    Started,
    /// The directory knows the tenant. Next: write the fence.
    Created(Home),
    /// The cell knows the tenant. Next: write the seed rows.
    Fenced(Home),
    /// The seed rows are there. Next: make it active in the directory.
    Seeded(Home),
    /// It is active in the directory and will be finished whatever happens. Next: open the fence.
    Published(Home),
    /// Done.
    Ready(Home),
    /// It is to be undone. Next: make it gone in the directory.
    Unwinding(Home, Refusal),
    /// The directory has let it go. Next: clear the cell.
    Retracted(Home, Refusal),
    /// Refused, and nothing is left of it.
    Refused(Refusal),
}

impl Phase {
    /// The phase after an event: the table of the module, row by row.
    ///
    /// # Errors
    /// [`Rejected`] for everything that the table does not list.
    pub fn next(self, event: Event) -> Result<Self, Rejected> {
        match (self, event) {
            (Self::Started, Event::Created(home)) => Ok(Self::Created(home)),
            (Self::Started, Event::Refused(refusal)) => Ok(Self::Refused(refusal)),
            (Self::Created(home), Event::Fenced) => Ok(Self::Fenced(home)),
            (Self::Fenced(home), Event::Seeded) => Ok(Self::Seeded(home)),
            (Self::Fenced(home), Event::Refused(refusal)) => Ok(Self::Unwinding(home, refusal)),
            (Self::Seeded(home), Event::Published(placement)) => {
                Ok(Self::Published(Home { placement, ..home }))
            }
            (Self::Published(home), Event::Opened) => Ok(Self::Ready(home)),
            (Self::Unwinding(home, refusal), Event::Retracted(placement)) => {
                Ok(Self::Retracted(Home { placement, ..home }, refusal))
            }
            (Self::Retracted(_, refusal), Event::Cleared) => Ok(Self::Refused(refusal)),
            (phase, event) => Err(Rejected { phase, event }),
        }
    }

    /// The name, as logs have it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Created(_) => "created",
            Self::Fenced(_) => "fenced",
            Self::Seeded(_) => "seeded",
            Self::Published(_) => "published",
            Self::Ready(_) => "ready",
            Self::Unwinding(..) => "unwinding",
            Self::Retracted(..) => "retracted",
            Self::Refused(_) => "refused",
        }
    }
}
