use std::{borrow::Cow, error::Error, time::Duration};

use axum::response::{IntoResponse, Response};
use tenancy_core::directory::DirectoryError;
use tenancy_migrate::ProvisionError;
use tenancy_placement::NoCell;
use tenancy_types::{Code, Kind, Lifecycle, Problem, Retry, TenantId};

use crate::pages::Refused;

/// Why an operator's request was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpsError {
    /// The token is missing or wrong.
    #[error("the operator's token is missing or wrong")]
    Unauthorized,
    /// The request itself is wrong.
    #[error("{message}")]
    InvalidRequest {
        /// What is wrong, and where.
        message: String,
    },
    /// There is no such tenant.
    #[error("there is no tenant {asked:?}")]
    NoTenant {
        /// What was asked for.
        asked: String,
    },
    /// There is no such address.
    #[error("there is nothing at this address")]
    NoRoute,
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// The body is larger than what is accepted.
    #[error("the body is larger than {most} bytes")]
    BodyTooLarge {
        /// The most bytes that are accepted.
        most: usize,
    },
    /// The shop's cell is not one of this process.
    #[error("the shop's cell is not served by this process")]
    CellAway,
    /// The shop is at another place in its life than this needs.
    #[error("the shop is {found}, this needs one that is {needed}")]
    WrongLifecycle {
        /// Where it is.
        found: Lifecycle,
        /// Where it should be.
        needed: &'static str,
    },
    /// The archive is another tenant's than the one that shall have its rows.
    #[error("the archive is of tenant {of}, not of {asked}; make a shop of it instead")]
    ForeignArchive {
        /// Whose it is.
        of: TenantId,
        /// Who shall have it.
        asked: TenantId,
    },
    /// The shop was not purged.
    #[error("there is no receipt: the shop was not purged")]
    NoReceipt,
    /// Somebody else changed the tenant again and again meanwhile.
    #[error("the tenant is being changed by others")]
    Contended,
    /// The directory refused or failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Another part refused or failed, and says by itself how.
    #[error("{0}")]
    Part(Box<dyn Problem + Send + Sync>),
    /// The control database failed.
    #[error("the control database could not be used")]
    Control(#[from] sqlx::Error),
}

impl OpsError {
    /// The request is wrong in this way.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidRequest {
            message: message.into(),
        }
    }

    /// A part's own error.
    pub fn part(error: impl Problem + Send + Sync + 'static) -> Self {
        Self::Part(Box::new(error))
    }
}

impl From<ProvisionError> for OpsError {
    /// What stopped an act says more than that it stopped.
    fn from(error: ProvisionError) -> Self {
        match error {
            ProvisionError::Unfinished { phase, source } => {
                let source = match source.downcast::<NoCell>() {
                    Ok(no_cell) => return Self::part(*no_cell),
                    Err(source) => source,
                };
                match source.downcast::<DirectoryError>() {
                    Ok(error) => Self::Directory(*error),
                    Err(source) => Self::part(ProvisionError::Unfinished { phase, source }),
                }
            }
            error => Self::part(error),
        }
    }
}

impl Problem for OpsError {
    fn code(&self) -> Code {
        match self {
            Self::Unauthorized => Code::new("unauthorized"),
            Self::InvalidRequest { .. } => Code::new("invalid_request"),
            Self::NoTenant { .. } | Self::NoRoute | Self::NoReceipt => Code::new("not_found"),
            Self::IdempotencyMismatch => Code::new("idempotency_mismatch"),
            Self::BodyTooLarge { .. } => Code::new("body_too_large"),
            Self::CellAway => Code::new("cell_unavailable"),
            Self::WrongLifecycle { .. } => Code::new("transition_rejected"),
            Self::ForeignArchive { .. } => Code::new("archive_foreign"),
            Self::Contended => Code::new("version_mismatch"),
            Self::Directory(error) => error.code(),
            Self::Part(error) => error.code(),
            Self::Control(_) => Code::new("control_unavailable"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Unauthorized => Kind::Unauthenticated,
            Self::InvalidRequest { .. } => Kind::Invalid,
            Self::NoTenant { .. } | Self::NoRoute | Self::NoReceipt => Kind::NotFound,
            Self::IdempotencyMismatch => Kind::Unprocessable,
            Self::BodyTooLarge { .. } => Kind::TooLarge,
            Self::WrongLifecycle { .. } | Self::ForeignArchive { .. } | Self::Contended => {
                Kind::Conflict
            }
            Self::Directory(error) => error.kind(),
            Self::Part(error) => error.kind(),
            Self::CellAway | Self::Control(_) => Kind::Unavailable,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Contended => Retry::Now,
            Self::Directory(error) => error.retry(),
            Self::Part(error) => error.retry(),
            Self::Control(_) => Retry::After(Duration::from_secs(1)),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Directory(error) => error.client_text(),
            Self::Part(error) => error.client_text(),
            Self::Control(_) => "this could not be recorded right now, try again shortly".into(),
            // An operator sees the platform's own words.
            error => error.to_string().into(),
        }
    }
}

impl IntoResponse for OpsError {
    /// Logs what the operator is not told.
    fn into_response(self) -> Response {
        if matches!(self.kind(), Kind::Unavailable | Kind::Internal) {
            let cause = match &self {
                Self::Part(error) => error.source(),
                error => error.source(),
            };
            let cause = cause.map(ToString::to_string).unwrap_or_default();
            tracing::error!(error = %self, cause, "operator request failed");
        }
        Refused::new(&self).into_response()
    }
}
