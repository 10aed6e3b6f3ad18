use std::{borrow::Cow, time::Duration};

use tenancy_types::{Code, Kind, Problem, Retry};

use crate::ManifestError;

/// Why a database gave no manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectError {
    /// The database could not be asked.
    #[error("ask the database for its tables")]
    Database {
        /// What the driver said.
        #[from]
        source: sqlx::Error,
    },
    /// Of some tables a person has to say whose rows they hold.
    #[error("nobody has decided yet whose rows are in {}", tables.join(", "))]
    Undecided {
        /// The tables with their schemas, at least one.
        tables: Vec<Box<str>>,
    },
    /// The tables make no manifest.
    #[error(transparent)]
    Declaration {
        /// Why.
        #[from]
        source: ManifestError,
    },
}

impl Problem for IntrospectError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Database { .. } => "database_unavailable",
            Self::Undecided { .. } | Self::Declaration { .. } => "isolation_schema",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Database { .. } => Kind::Unavailable,
            Self::Undecided { .. } | Self::Declaration { .. } => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Database { .. } => Retry::After(Duration::from_secs(1)),
            Self::Undecided { .. } | Self::Declaration { .. } => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Database { .. } => "too much is going on, try again shortly".into(),
            Self::Undecided { .. } | Self::Declaration { .. } => {
                "something went wrong on our side".into()
            }
        }
    }
}
