use std::{borrow::Cow, time::Duration};

use tenancy_types::{Code, Kind, Problem, Retry};

use super::Finding;

/// Why a connection may not serve tenants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The database could not be asked.
    #[error("audit the cell's isolation")]
    Database {
        /// What the driver said.
        #[from]
        source: sqlx::Error,
    },
    /// The isolation is sealed and no key was given, or the other way round.
    #[error("a sealed cell is opened with its key, and a plain one without")]
    Key,
    /// The canaries' rows were to be placed by somebody whom row security binds.
    #[error("canaries are placed by a superuser, which {role} is not")]
    NotSuperuser {
        /// The connection's role.
        role: Box<str>,
    },
    /// The database does not isolate.
    #[error("the cell does not isolate: {}", list(findings))]
    Unsafe {
        /// Everything that was found, at least one an error.
        findings: Vec<Finding>,
    },
}

fn list(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

impl Problem for AuditError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Database { .. } => "database_unavailable",
            Self::Key => "isolation_key",
            Self::NotSuperuser { .. } => "isolation_probe",
            Self::Unsafe { .. } => "isolation_unsafe",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Database { .. } => Kind::Unavailable,
            Self::Key | Self::NotSuperuser { .. } | Self::Unsafe { .. } => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Database { .. } => Retry::After(Duration::from_secs(1)),
            Self::Key | Self::NotSuperuser { .. } | Self::Unsafe { .. } => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Database { .. } => "too much is going on, try again shortly".into(),
            Self::Key | Self::NotSuperuser { .. } | Self::Unsafe { .. } => {
                "something went wrong on our side".into()
            }
        }
    }
}
