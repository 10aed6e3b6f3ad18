use std::{borrow::Cow, error::Error, time::Duration};

use tenancy_core::db::DbError;
use tenancy_migrate::{ActError, Refusal};
use tenancy_types::{CellId, Code, Kind, Problem, Retry};

use crate::ops::OpsError;

/// Why a cell did not do what a workflow asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(in crate::platform) enum WorkError {
    /// It never will: what it was given makes no sense.
    #[error("{reason}")]
    Refused {
        /// What is wrong, for the client.
        reason: Box<str>,
    },
    /// Nobody who serves the cell is known here, or answers.
    #[error("{cell} is out of reach")]
    Away {
        /// The cell.
        cell: CellId,
    },
    /// It may later.
    #[error(transparent)]
    Failed(#[from] Box<dyn Error + Send + Sync>),
}

impl WorkError {
    /// Failed because of this.
    pub(in crate::platform) fn failed(error: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed(error.into())
    }
}

impl From<DbError> for WorkError {
    fn from(error: DbError) -> Self {
        Self::failed(error)
    }
}

impl From<WorkError> for ActError {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Refused { reason } => Refusal::Invalid { reason }.into(),
            WorkError::Failed(error) => Self::Failed(error),
            error @ WorkError::Away { .. } => Self::Failed(error.into()),
        }
    }
}

impl From<WorkError> for OpsError {
    /// What a database of this process says of itself is said.
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Failed(error) => match error.downcast::<DbError>() {
                Ok(error) => Self::part(*error),
                Err(error) => Self::part(WorkError::Failed(error)),
            },
            error => Self::part(error),
        }
    }
}

impl Problem for WorkError {
    fn code(&self) -> Code {
        match self {
            Self::Refused { .. } => Code::new("invalid_request"),
            Self::Away { .. } | Self::Failed(_) => Code::new("cell_unavailable"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Refused { .. } => Kind::Invalid,
            Self::Away { .. } | Self::Failed(_) => Kind::Unavailable,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Refused { .. } => Retry::No,
            Self::Away { .. } | Self::Failed(_) => Retry::After(Duration::from_secs(1)),
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Refused { reason } => reason.to_string().into(),
            Self::Away { .. } => self.to_string().into(),
            Self::Failed(_) => "the shop's cell could not do this right now".into(),
        }
    }
}
