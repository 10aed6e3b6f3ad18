use std::{borrow::Cow, time::Duration};

use tenancy_types::{CellId, Code, Kind, Problem, Retry};

use crate::{Damage, Refusal};

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
    /// A snapshot cannot be read.
    #[error("the snapshot cannot be read")]
    Damaged {
        /// Why.
        #[source]
        damage: Damage,
    },
    /// A snapshot or an entry of the log was read, and is not such as may take the place of what is known. The routes
    /// stay as they are.
    #[error("what was offered as routes was refused")]
    Refused {
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// The folder with the route files could not be read or written. Routes are not concerned.
    #[error("the folder of the route files")]
    Folder {
        /// Why.
        source: std::io::Error,
    },
    /// A peer gave no snapshot.
    #[error("a peer gave no snapshot")]
    Peer {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
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
    /// The tenant is moving, and as many writes wait as may.
    #[error("no more requests may wait for the tenant")]
    ParkingFull {
        /// How long to wait before asking again.
        retry_after: Duration,
    },
    /// The tenant lives elsewhere, and the request could not be sent there.
    #[error("the tenant has moved, and the request could not follow")]
    TenantMoved {
        /// How long to wait before asking again.
        retry_after: Duration,
    },
    /// The tenant lives in another cell than the one that was asked.
    #[error("the tenant does not live here")]
    NotHere,
    /// The request's host is another tenant's than the request is said to be for, or nobody's.
    #[error("the request's host is not its tenant's")]
    ForeignHost,
    /// A gateway knows more of the tenant than this cell does, and the cell has not caught up.
    #[error("the cell does not know yet what the gateway knows of the tenant")]
    CellBehind {
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

    /// Wraps whatever kept a peer from giving a snapshot.
    pub fn peer(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Peer {
            source: source.into(),
        }
    }
}

impl From<Damage> for Error {
    fn from(damage: Damage) -> Self {
        Self::Damaged { damage }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { refusal }
    }
}

/// What goes wrong with files.
impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Self::Folder { source }
    }
}

impl Problem for Error {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Directory { .. } | Self::LogGap | Self::LogEnded => "directory_unavailable",
            Self::Damaged { .. } => "routes_damaged",
            Self::Refused { .. } => "routes_refused",
            Self::Folder { .. } => "routes_folder",
            Self::Peer { .. } => "routes_peer",
            Self::CellUnavailable { .. } => "cell_unavailable",
            Self::TenantMoving { .. } => "tenant_moving",
            Self::ParkingFull { .. } => "parking_full",
            Self::TenantMoved { .. } => "tenant_moved",
            Self::NotHere => "tenant_not_here",
            Self::ForeignHost => "misdirected",
            Self::CellBehind { .. } => "cell_behind",
            Self::NoPlacement => "internal",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NoPlacement => Kind::Internal,
            Self::Damaged { .. } | Self::Refused { .. } | Self::Folder { .. } => Kind::Internal,
            Self::NotHere | Self::ForeignHost => Kind::Misdirected,
            _ => Kind::Unavailable,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Directory { .. }
            | Self::LogGap
            | Self::LogEnded
            | Self::CellUnavailable { .. } => Retry::After(Duration::from_secs(1)),
            Self::TenantMoving { retry_after }
            | Self::ParkingFull { retry_after }
            | Self::TenantMoved { retry_after }
            | Self::CellBehind { retry_after } => Retry::After(*retry_after),
            Self::NotHere | Self::ForeignHost => Retry::No,
            Self::Peer { .. } => Retry::After(Duration::from_secs(1)),
            Self::Damaged { .. } | Self::Refused { .. } | Self::Folder { .. } => Retry::No,
            Self::NoPlacement => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Directory { .. } | Self::LogGap | Self::LogEnded => {
                "the directory is not available right now".into()
            }
            Self::CellUnavailable { .. } => "the tenant cannot be reached right now".into(),
            Self::TenantMoving { .. } | Self::ParkingFull { .. } => {
                "the tenant is being moved and takes no changes for a moment".into()
            }
            Self::TenantMoved { .. } | Self::CellBehind { .. } => {
                "this has just changed, try again shortly".into()
            }
            Self::NotHere | Self::ForeignHost => "this is served elsewhere".into(),
            Self::Peer { .. } => "the directory is not available right now".into(),
            Self::Damaged { .. } | Self::Refused { .. } | Self::Folder { .. } => {
                "something went wrong on our side".into()
            }
            Self::NoPlacement => "something went wrong on our side".into(),
        }
    }
}
