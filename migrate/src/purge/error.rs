use std::{borrow::Cow, error::Error, time::Duration};

use tenancy_types::{Code, EpochExhausted, Kind, Lifecycle, Problem, RequestKey, Retry};

use super::{PurgeEvent, PurgePhase};
use crate::{JournalError, workflow::Stopped};

/// An event that the table does not list for a phase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a purge in phase {} does not take the event \"{event}\"", phase.as_str())]
pub struct PurgeRejected {
    /// The phase.
    pub phase: PurgePhase,
    /// The event.
    pub event: PurgeEvent,
}

/// A table in which rows were found after all had been deleted: something wrote them meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table} had {rows} rows after it had been emptied")]
pub struct NotEmpty {
    /// The table, the first of them.
    pub table: Box<str>,
    /// How many rows.
    pub rows: u64,
}

/// Why a purge has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PurgeError {
    /// The tenant was changed after the purge was asked for and before it began. It has done nothing, and
    /// will not: look at the tenant and decide again.
    #[error("the tenant was changed before its purge had begun")]
    Overtaken,
    /// The archive cannot be loaded. The refill has done nothing, and will not: ask for another archive.
    #[error("the archive cannot be loaded: {reason}")]
    Refused {
        /// Why, in the application's words.
        reason: Box<str>,
    },
    /// A tenant of that lifecycle is not purged or refilled: one that leaves is purged, one that is suspended
    /// is refilled. Nothing was done, and nothing is written down.
    #[error("a tenant that is {found} cannot be {verb}")]
    Lifecycle {
        /// The lifecycle.
        found: Lifecycle,
        /// What cannot be done to it: *purged* or *refilled*.
        verb: &'static str,
    },
    /// The tenant cannot change any more.
    #[error(transparent)]
    Exhausted(#[from] EpochExhausted),
    /// The tenant is being purged, and a refill was asked for, or the other way round, or from another
    /// archive.
    #[error("workflow {key:?} is another purge of this tenant")]
    UnderWay {
        /// The workflow.
        key: RequestKey,
    },
    /// An act did not succeed. The workflow stays at this phase and goes on from there when it is asked for
    /// again, or at the next [`resume_all`](crate::Purging::resume_all). The source is a [`NotEmpty`] when
    /// rows were left.
    #[error("the purge stopped in phase {phase}")]
    Unfinished {
        /// The phase.
        phase: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The journal could not be read or written. What was journalled before holds.
    #[error("the purge could not use its journal")]
    Journal {
        /// Why.
        #[from]
        source: JournalError,
    },
    /// An entry of the journal makes no sense here, perhaps because a newer program wrote it.
    #[error("entry {number} of workflow {key:?} cannot be understood")]
    BadEntry {
        /// The workflow.
        key: RequestKey,
        /// The entry's number.
        number: usize,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl From<Stopped> for PurgeError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Mismatch { key } => Self::UnderWay { key },
            Stopped::Unfinished { phase, source } => Self::Unfinished { phase, source },
            Stopped::Journal { source } => Self::Journal { source },
            Stopped::BadEntry {
                key,
                number,
                source,
            } => Self::BadEntry {
                key,
                number,
                source,
            },
        }
    }
}

impl Problem for PurgeError {
    fn code(&self) -> Code {
        match self {
            Self::Overtaken => Code::new("purge_overtaken"),
            Self::Refused { .. } => Code::new("refill_refused"),
            Self::Lifecycle { .. } => Code::new("purge_not_possible"),
            Self::Exhausted(_) => Code::new("epochs_exhausted"),
            Self::UnderWay { .. } => Code::new("purge_under_way"),
            Self::Unfinished { .. } => Code::new("purge_unfinished"),
            Self::Journal { source } => source.code(),
            Self::BadEntry { .. } => Code::new("internal"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Overtaken
            | Self::Refused { .. }
            | Self::Lifecycle { .. }
            | Self::Exhausted(_)
            | Self::UnderWay { .. } => Kind::Conflict,
            Self::Unfinished { .. } => Kind::Unavailable,
            Self::Journal { source } => source.kind(),
            Self::BadEntry { .. } => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unfinished { .. } => Retry::After(Duration::from_secs(1)),
            Self::Journal { source } => source.retry(),
            Self::Overtaken
            | Self::Refused { .. }
            | Self::Lifecycle { .. }
            | Self::Exhausted(_)
            | Self::UnderWay { .. }
            | Self::BadEntry { .. } => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Overtaken => {
                "the tenant has just been changed; look at it and decide again".into()
            }
            Self::Refused { .. } => {
                "the archive cannot be loaded here, and nothing was deleted; choose another one"
                    .into()
            }
            Self::Lifecycle { .. } => self.to_string().into(),
            Self::Exhausted(_) => "the tenant's present state does not allow this change".into(),
            Self::UnderWay { .. } => "the tenant is being emptied already".into(),
            Self::Unfinished { .. } => "the tenant is not emptied yet; ask again".into(),
            Self::Journal { source } => source.client_text(),
            Self::BadEntry { .. } => "something went wrong on our side".into(),
        }
    }
}
