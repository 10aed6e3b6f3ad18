use std::{borrow::Cow, error::Error, time::Duration};

use tenancy_types::{
    CellId, Code, DomainName, Kind, Position, Problem, RequestKey, Retry, Revision, Slug, TenantId,
};

use crate::protocol::Rejected;

/// Why the directory did not do or say something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// There has never been such a tenant.
    #[error("no {tenant:?} in the directory")]
    NotFound {
        /// The id.
        tenant: TenantId,
    },
    /// The tenant is gone and takes no changes.
    #[error("{tenant:?} is gone")]
    TenantGone {
        /// The tenant.
        tenant: TenantId,
    },
    /// The tenant is not gone, so that it cannot be forgotten.
    #[error("{tenant:?} is not gone")]
    NotGone {
        /// The tenant.
        tenant: TenantId,
    },
    /// A living tenant has this slug.
    #[error("the slug {slug} is taken")]
    SlugTaken {
        /// The slug.
        slug: Slug,
    },
    /// Another living tenant has this domain.
    #[error("the domain {domain} is taken")]
    DomainTaken {
        /// The domain.
        domain: DomainName,
    },
    /// The request key was used for a different tenant-to-be.
    #[error("the request key {request:?} was used for another request")]
    RequestMismatch {
        /// The key.
        request: RequestKey,
    },
    /// The tenant has changed since the caller read it.
    #[error("the tenant is at revision {found}, not {expected}")]
    VersionMismatch {
        /// What the caller expected.
        expected: Revision,
        /// Where the tenant is.
        found: Revision,
    },
    /// The tenant's lifecycle may not change so, or not now.
    #[error("the tenant's placement does not take the change")]
    Rejected {
        /// What the table of transitions says.
        #[from]
        source: Rejected,
    },
    /// There is no such cell.
    #[error("no {cell} in the directory")]
    CellUnknown {
        /// The cell.
        cell: CellId,
    },
    /// The cell takes no further tenant.
    #[error("{cell} is full with {capacity} tenants")]
    CellFull {
        /// The cell.
        cell: CellId,
        /// How many tenants it takes.
        capacity: u32,
    },
    /// All 2^32 - 1 tenant ids are used up.
    #[error("all tenant ids are used up")]
    IdsExhausted,
    /// The directory's incarnation is not what the caller expected: somebody has raised it.
    #[error("the directory is at incarnation {found}, not {expected}")]
    IncarnationMismatch {
        /// What the caller expected.
        expected: u16,
        /// What it is.
        found: u16,
    },
    /// All 65,536 incarnations are used up.
    #[error("all incarnations of the directory are used up")]
    IncarnationsExhausted,
    /// The log cannot be followed from there: it does not reach back so far, or it is another log, such as that
    /// of a restored directory. Take a snapshot.
    #[error(
        "the log cannot be followed from revision {} of incarnation {}, it is at revision {} of incarnation {}",
        after.revision, after.history.incarnation, newest.revision, newest.history.incarnation
    )]
    LogGap {
        /// Where the follower is.
        after: Position,
        /// Where the log ends.
        newest: Position,
    },
    /// The tenants that were to be loaded could not be read to their end.
    #[error("the tenants to be loaded could not be read")]
    Unreadable {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// What was opened is no directory, or one of a format that this version does not know.
    #[error("it is no directory of a known format: found {found}, known up to {known}")]
    UnknownFormat {
        /// The format found.
        found: i64,
        /// The newest format known.
        known: i64,
    },
    /// What is stored makes no sense.
    #[error("the stored {what} is not valid")]
    Corrupt {
        /// What sort of value.
        what: &'static str,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It could not be done or found out now.
    #[error("the directory could not be asked")]
    Unavailable {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn unavailable(source: impl Into<Box<dyn Error + Send + Sync>>) -> DirectoryError {
    DirectoryError::Unavailable {
        source: source.into(),
    }
}

/// For values that were valid when they were stored.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) fn corrupt<E: Into<Box<dyn Error + Send + Sync>>>(
    what: &'static str,
) -> impl FnOnce(E) -> DirectoryError {
    move |source| DirectoryError::Corrupt {
        what,
        source: source.into(),
    }
}

impl DirectoryError {
    /// Wraps whatever kept the source of a [load](super::Directory::load) from yielding a tenant.
    pub fn unreadable(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unreadable {
            source: source.into(),
        }
    }
}

impl Problem for DirectoryError {
    fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::new("not_found"),
            Self::TenantGone { .. } => Code::new("tenant_gone"),
            Self::NotGone { .. } => Code::new("tenant_not_gone"),
            Self::SlugTaken { .. } => Code::new("slug_taken"),
            Self::DomainTaken { .. } => Code::new("domain_taken"),
            Self::RequestMismatch { .. } => Code::new("idempotency_mismatch"),
            Self::VersionMismatch { .. } | Self::IncarnationMismatch { .. } => {
                Code::new("version_mismatch")
            }
            Self::Rejected { source } => source.code(),
            Self::Unreadable { .. } => Code::new("invalid_request"),
            Self::CellUnknown { .. } => Code::new("cell_unknown"),
            Self::CellFull { .. } => Code::new("cell_full"),
            Self::IdsExhausted
            | Self::IncarnationsExhausted
            | Self::UnknownFormat { .. }
            | Self::Corrupt { .. } => Code::new("internal"),
            Self::LogGap { .. } | Self::Unavailable { .. } => Code::new("directory_unavailable"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NotFound { .. } => Kind::NotFound,
            Self::TenantGone { .. } => Kind::Gone,
            Self::NotGone { .. }
            | Self::SlugTaken { .. }
            | Self::DomainTaken { .. }
            | Self::VersionMismatch { .. }
            | Self::IncarnationMismatch { .. }
            | Self::CellFull { .. }
            | Self::CellUnknown { .. } => Kind::Conflict,
            Self::Rejected { source } => source.kind(),
            Self::Unreadable { .. } => Kind::Invalid,
            Self::RequestMismatch { .. } => Kind::Unprocessable,
            Self::IdsExhausted
            | Self::IncarnationsExhausted
            | Self::UnknownFormat { .. }
            | Self::Corrupt { .. } => Kind::Internal,
            Self::LogGap { .. } | Self::Unavailable { .. } => Kind::Unavailable,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            // The caller reads again what has changed, or the planner chooses another cell.
            Self::VersionMismatch { .. }
            | Self::IncarnationMismatch { .. }
            | Self::CellFull { .. }
            | Self::LogGap { .. } => Retry::Now,
            Self::Unavailable { .. } => Retry::After(Duration::from_secs(1)),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::NotFound { .. } => "there is no such tenant".into(),
            Self::TenantGone { .. } => "the tenant is gone".into(),
            Self::NotGone { .. } => "the tenant is not gone".into(),
            Self::SlugTaken { slug } => format!("the slug {slug} is taken").into(),
            Self::DomainTaken { domain } => format!("the domain {domain} is taken").into(),
            Self::RequestMismatch { .. } => {
                "this idempotency key was used for a different request".into()
            }
            Self::VersionMismatch { .. } => {
                "the tenant was changed by someone else at the same time".into()
            }
            Self::IncarnationMismatch { .. } => {
                "the directory was restored by someone else at the same time".into()
            }
            Self::Rejected { source } => source.client_text(),
            Self::Unreadable { .. } => "the tenants to be loaded could not be read".into(),
            Self::CellUnknown { .. } => "there is no such cell".into(),
            Self::CellFull { .. } => "the cell takes no further tenants".into(),
            Self::IdsExhausted
            | Self::IncarnationsExhausted
            | Self::UnknownFormat { .. }
            | Self::Corrupt { .. } => "something went wrong on our side".into(),
            Self::LogGap { .. } | Self::Unavailable { .. } => {
                "the directory is not available right now".into()
            }
        }
    }
}
