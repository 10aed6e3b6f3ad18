use std::{fmt, str::FromStr};

use tenancy_types::Placement;

use crate::{Home, TableCounts, workflow::Placed};

/// What an act of a purge has led to. Exhaustive on purpose: a reader of the journal must decide about each.
///
/// Displayed and parsed, it is the text of a journal entry; that form is persisted and golden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PurgeEvent {
    /// The archive can be loaded.
    Checked,
    /// It cannot, for this reason: nothing was done.
    Refused(Box<str>),
    /// The directory says purging.
    Begun(Home),
    /// The directory says something newer: nothing was done.
    Overtaken,
    /// The fence says purging.
    Fenced,
    /// Nothing is open with others any more.
    Settled,
    /// So many rows there are to delete.
    Counted(TableCounts),
    /// They were deleted.
    Emptied,
    /// Counted again, there is none.
    Proven,
    /// Counted again, there are some.
    Left(TableCounts),
    /// The directory says gone, at this placement.
    Retracted(Placement),
    /// The fence says gone.
    Closed,
    /// Nothing else of the platform holds anything of it.
    Forgotten,
    /// The directory says provisioning, at this placement.
    Reopened(Placement),
    /// The fence says provisioning.
    Readied,
    /// It is not to be filled any more: somebody has decided so.
    Abandoned,
    /// The archive is loaded.
    Filled,
    /// The directory says active, at this placement.
    Published(Placement),
    /// The fence says active.
    Opened,
}

impl fmt::Display for PurgeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checked => f.write_str("checked"),
            Self::Refused(reason) => write!(f, "refused {reason}"),
            Self::Begun(home) => write!(f, "begun {} {}", home.tenant, Placed(home.placement)),
            Self::Overtaken => f.write_str("overtaken"),
            Self::Fenced => f.write_str("fenced"),
            Self::Settled => f.write_str("settled"),
            Self::Counted(rows) => write!(f, "counted {rows}"),
            Self::Emptied => f.write_str("emptied"),
            Self::Proven => f.write_str("proven"),
            Self::Left(rows) => write!(f, "left {rows}"),
            Self::Retracted(placement) => write!(f, "retracted {}", Placed(*placement)),
            Self::Closed => f.write_str("closed"),
            Self::Forgotten => f.write_str("forgotten"),
            Self::Reopened(placement) => write!(f, "reopened {}", Placed(*placement)),
            Self::Readied => f.write_str("readied"),
            Self::Abandoned => f.write_str("abandoned"),
            Self::Filled => f.write_str("filled"),
            Self::Published(placement) => write!(f, "published {}", Placed(*placement)),
            Self::Opened => f.write_str("opened"),
        }
    }
}

/// A journal entry that is no [`PurgeEvent`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event of a purge: {found:?}")]
pub struct InvalidPurgeEvent {
    /// The entry.
    pub found: Box<str>,
}

impl FromStr for PurgeEvent {
    type Err = InvalidPurgeEvent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let event = match text.split_once(' ') {
            None => plain(text),
            Some(("refused", reason)) => (!reason.is_empty()).then(|| Self::Refused(reason.into())),
            Some(("begun", rest)) => Home::parse(rest).map(Self::Begun),
            Some(("counted", rest)) => rest.parse().ok().map(Self::Counted),
            Some(("left", rest)) => rest.parse().ok().map(Self::Left),
            Some(("retracted", rest)) => Placed::parse(rest).map(Self::Retracted),
            Some(("reopened", rest)) => Placed::parse(rest).map(Self::Reopened),
            Some(("published", rest)) => Placed::parse(rest).map(Self::Published),
            Some(_) => None,
        };
        event.ok_or_else(|| InvalidPurgeEvent { found: text.into() })
    }
}

fn plain(text: &str) -> Option<PurgeEvent> {
    let plain = [
        PurgeEvent::Checked,
        PurgeEvent::Overtaken,
        PurgeEvent::Fenced,
        PurgeEvent::Settled,
        PurgeEvent::Emptied,
        PurgeEvent::Proven,
        PurgeEvent::Closed,
        PurgeEvent::Forgotten,
        PurgeEvent::Readied,
        PurgeEvent::Abandoned,
        PurgeEvent::Filled,
        PurgeEvent::Opened,
    ];
    plain.into_iter().find(|event| event.to_string() == text)
}
