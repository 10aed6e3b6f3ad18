use std::{borrow::Cow, time::Duration};

use tenancy_types::{CellId, Code, Kind, Problem, Retry};

/// Why a request did not reach a cell, or the directory could not be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The directory could not be read. Routes stay as they are.
    #[error("the directory could not be followed")]
    Directory {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The directory's change log does not reach back to where the table stands, or is of another history. A
    /// snapshot helps.
    #[error("the directory's change log cannot be followed from here")]
    LogGap,
    /// The directory's change log ended, though it never should.
    #[error("the directory's change log ended")]
    LogEnded,
    /// The tenant lives in a cell that this process cannot reach.
    #[error("no way to {cell} is known")]
    CellUnavailable {
        /// The cell.
        cell: CellId,
    },
    /// The tenant is moving; writes wait.
    #[error("the tenant is moving and cannot be written to")]
    TenantMoving {
        /// How long to wait before asking again.
        retry_after: Duration,
    },
    /// The request came without a placement: a defect of the application, whose tenant layer does not cover
    /// this route.
    #[error("the request carries no placement")]
    NoPlacement,
}

impl Error {
    /// Wraps whatever kept a source from answering.
    pub fn directory(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Directory {
            source: source.into(),
        }
    }
}

impl Problem for Error {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Directory { .. } | Self::LogGap | Self::LogEnded => "directory_unavailable",
            Self::CellUnavailable { .. } => "cell_unavailable",
            Self::TenantMoving { .. } => "tenant_moving",
            Self::NoPlacement => "internal",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NoPlacement => Kind::Internal,
            _ => Kind::Unavailable,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Directory { .. }
            | Self::LogGap
            | Self::LogEnded
            | Self::CellUnavailable { .. } => Retry::After(Duration::from_secs(1)),
            Self::TenantMoving { retry_after } => Retry::After(*retry_after),
            Self::NoPlacement => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Directory { .. } | Self::LogGap | Self::LogEnded => {
                "the directory is not available right now".into()
            }
            Self::CellUnavailable { .. } => "the tenant cannot be reached right now".into(),
            Self::TenantMoving { .. } => {
                "the tenant is being moved and takes no changes for a moment".into()
            }
            Self::NoPlacement => "something went wrong on our side".into(),
        }
    }
}
