use std::{borrow::Cow, error::Error, time::Duration};

use tenancy_types::{Code, Kind, Problem, RequestKey, Retry};

use super::{Event, Phase, Refusal};
use crate::{JournalError, workflow::Stopped};

/// An event that the table does not list for a phase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tenant in phase {} does not take the event \"{event}\"", phase.as_str())]
pub struct Rejected {
    /// The phase.
    pub phase: Phase,
    /// The event.
    pub event: Event,
}

/// Why a request to make a tenant has no tenant for an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisionError {
    /// There will be no such tenant, and nothing is left of the attempt.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The key was used for another request.
    #[error("the key {key:?} was used for another request")]
    RequestMismatch {
        /// The key.
        key: RequestKey,
    },
    /// An act did not succeed. The workflow stays at this phase and goes on from there when the request is
    /// repeated with its key, or at the next [`resume_all`](crate::Provisioning::resume_all).
    #[error("provisioning stopped in phase {phase}")]
    Unfinished {
        /// The phase.
        phase: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The journal could not be read or written. What was journalled before holds.
    #[error("provisioning could not use its journal")]
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

impl From<Stopped> for ProvisionError {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Mismatch { key } => Self::RequestMismatch { key },
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

impl Problem for ProvisionError {
    fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::RequestMismatch { .. } => Code::new("idempotency_mismatch"),
            Self::Unfinished { .. } => Code::new("provisioning_unfinished"),
            Self::Journal { source } => source.code(),
            Self::BadEntry { .. } => Code::new("internal"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Refused(refusal) => refusal.kind(),
            Self::RequestMismatch { .. } => Kind::Unprocessable,
            Self::Unfinished { .. } => Kind::Unavailable,
            Self::Journal { source } => source.kind(),
            Self::BadEntry { .. } => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unfinished { .. } => Retry::After(Duration::from_secs(1)),
            Self::Journal { source } => source.retry(),
            Self::Refused(_) | Self::RequestMismatch { .. } | Self::BadEntry { .. } => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Refused(refusal) => refusal.client_text(),
            Self::RequestMismatch { .. } => {
                "this idempotency key was used for a different request".into()
            }
            Self::Unfinished { .. } => {
                "the tenant is not ready yet; repeat the request with the same key".into()
            }
            Self::Journal { source } => source.client_text(),
            Self::BadEntry { .. } => "something went wrong on our side".into(),
        }
    }
}
