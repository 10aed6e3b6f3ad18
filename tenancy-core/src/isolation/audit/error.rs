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
    /// The cell was isolated by an older program: install again.
    #[error("the cell's {part} is of version {found}, this program needs {known}")]
    OlderVersion {
        /// `isolation` or `fence`.
        part: Box<str>,
        /// The cell's.
        found: i64,
        /// The program's.
        known: i64,
    },
    /// The cell was isolated by a newer program.
    #[error("the cell's {part} is of version {found}, this program knows {known}")]
    NewerVersion {
        /// `isolation` or `fence`.
        part: Box<str>,
        /// The cell's.
        found: i64,
        /// The program's.
        known: i64,
    },
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
            Self::OlderVersion { .. } => "isolation_older",
            Self::NewerVersion { .. } => "isolation_newer",
            Self::NotSuperuser { .. } => "isolation_probe",
            Self::Unsafe { .. } => "isolation_unsafe",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Database { .. } => Kind::Unavailable,
            _ => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Database { .. } => Retry::After(Duration::from_secs(1)),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Database { .. } => "too much is going on, try again shortly".into(),
            _ => "something went wrong on our side".into(),
        }
    }
}
