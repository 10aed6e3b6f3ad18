use tenancy_types::{Placement, UnixMicros};

use super::{PurgeEvent, PurgeReceipt, PurgeRejected};
use crate::{Home, TableCounts};

/// How far a purge has come. Each phase but the last four has exactly one act that comes next.
///
/// Exhaustive on purpose: whoever shows phases must decide about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgePhase {
    /// The request is written down. Next: check the archive, or make the tenant purging in the directory.
    Started,
    /// The archive can be loaded. Next: make the tenant purging in the directory.
    Checked,
    /// There is no way back. Next: bring it to the fence.
    Begun(Deletion),
    /// Nobody but the purge writes. Next: end what is open with others. The tenant is purging; it is provisioning
    /// when the rest of a refill is abandoned, and gone is all that it can be then.
    Fenced(Deletion),
    /// Nothing is open. Next: count the rows.
    Settled(Deletion),
    /// It is known what there is to delete. Next: delete it.
    Counted(Deletion),
    /// It is deleted. Next: count again.
    Emptied(Deletion),
    /// There is no row. Next: make it gone, or provisioning, in the directory.
    Proven(Deletion),
    /// The directory has let it go. Next: bring that to the fence.
    Retracted(Deletion),
    /// The cell has let it go. Next: forget it everywhere else.
    Closed(Deletion),
    /// Done: nothing is left of it.
    Purged(PurgeReceipt),
    /// The directory has taken it again. Next: bring that to the fence.
    Reopened(Deletion),
    /// It can be written. Next: load the archive.
    Readied(Deletion),
    /// It has its rows. Next: make it active in the directory.
    Filled(Home),
    /// It is active in the directory. Next: bring that to the fence.
    Published(Home),
    /// Done: it is served, with the archive's rows.
    Refilled(Home),
    /// Something else changed the tenant before the purge had begun, and nothing was done.
    Overtaken,
    /// The archive cannot be loaded, for this reason, and nothing was done.
    Refused(Box<str>),
}

/// The deletion of a tenant's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The tenant, and its placement as the directory last gave it.
    pub home: Home,
    /// When it was past the point of no return.
    pub began: UnixMicros,
    /// How many rows there were to delete; known from the phase counted on.
    pub rows: TableCounts,
}

impl Deletion {
    fn at(self, placement: Placement) -> Self {
        let home = Home {
            placement,
            ..self.home
        };
        Self { home, ..self }
    }

    fn plus(self, more: &TableCounts) -> Self {
        let rows = self.rows.plus(more);
        Self { rows, ..self }
    }

    fn receipt(self, ended: UnixMicros) -> PurgeReceipt {
        PurgeReceipt {
            tenant: self.home.tenant,
            epoch: self.home.placement.epoch,
            began: self.began,
            ended,
            rows: self.rows,
        }
    }
}

impl PurgePhase {
    /// The phase after an event that was journalled at `at`: the table of the module, row by row.
    ///
    /// # Errors
    /// [`PurgeRejected`] for everything that the table does not list.
    pub fn next(self, event: PurgeEvent, at: UnixMicros) -> Result<Self, PurgeRejected> {
        use PurgeEvent as E;
        match (self, event) {
            (Self::Started, E::Checked) => Ok(Self::Checked),
            (Self::Started, E::Refused(reason)) => Ok(Self::Refused(reason)),
            (Self::Started | Self::Checked, E::Begun(home)) => Ok(Self::Begun(Deletion {
                home,
                began: at,
                rows: TableCounts::default(),
            })),
            (Self::Started | Self::Checked, E::Overtaken) => Ok(Self::Overtaken),
            (Self::Begun(deletion), E::Fenced) => Ok(Self::Fenced(deletion)),
            (Self::Fenced(deletion), E::Settled) => Ok(Self::Settled(deletion)),
            (Self::Settled(deletion), E::Counted(rows)) => Ok(Self::Counted(deletion.plus(&rows))),
            (Self::Counted(deletion), E::Emptied) => Ok(Self::Emptied(deletion)),
            (Self::Emptied(deletion), E::Proven) => Ok(Self::Proven(deletion)),
            (Self::Emptied(deletion), E::Left(rows)) => Ok(Self::Counted(deletion.plus(&rows))),
            (Self::Proven(deletion), E::Retracted(to)) => Ok(Self::Retracted(deletion.at(to))),
            (Self::Retracted(deletion), E::Closed) => Ok(Self::Closed(deletion)),
            (Self::Closed(deletion), E::Forgotten) => Ok(Self::Purged(deletion.receipt(at))),
            (Self::Proven(deletion), E::Reopened(to)) => Ok(Self::Reopened(deletion.at(to))),
            (Self::Reopened(deletion), E::Readied) => Ok(Self::Readied(deletion)),
            (Self::Readied(deletion), E::Abandoned) => Ok(Self::Fenced(deletion)),
            (Self::Readied(deletion), E::Filled) => Ok(Self::Filled(deletion.home)),
            (Self::Filled(home), E::Published(placement)) => {
                Ok(Self::Published(Home { placement, ..home }))
            }
            (Self::Published(home), E::Opened) => Ok(Self::Refilled(home)),
            (phase, event) => Err(PurgeRejected { phase, event }),
        }
    }

    /// The name, as logs have it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Checked => "checked",
            Self::Begun(_) => "begun",
            Self::Fenced(_) => "fenced",
            Self::Settled(_) => "settled",
            Self::Counted(_) => "counted",
            Self::Emptied(_) => "emptied",
            Self::Proven(_) => "proven",
            Self::Retracted(_) => "retracted",
            Self::Closed(_) => "closed",
            Self::Purged(_) => "purged",
            Self::Reopened(_) => "reopened",
            Self::Readied(_) => "readied",
            Self::Filled(_) => "filled",
            Self::Published(_) => "published",
            Self::Refilled(_) => "refilled",
            Self::Overtaken => "overtaken",
            Self::Refused(_) => "refused",
        }
    }
}
