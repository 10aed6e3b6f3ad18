use std::{borrow::Cow, error::Error, time::Duration};

use tenancy_types::{Code, Kind, Problem, Retry};

use super::Finding;

/// Why a connection may not serve tenants.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The database could not be asked, or did not answer in time.
    #[error("audit the cell's isolation")]
    Database {
        /// What the driver said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database refused: a password, a right, or a question about something that is not there.
    #[error("audit the cell's isolation, which the database refused")]
    Refused {
        /// What the driver said.
        source: Box<dyn Error + Send + Sync>,
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
    /// The probe was to be made by a role that may do too little, or too much.
    #[error("the audit tries out as its prober, and {role} {why}")]
    Prober {
        /// The connection's role.
        role: Box<str>,
        /// As half a sentence.
        why: &'static str,
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

/// Lost connections, servers that start or stop or have no room, locks, timeouts.
const UNAVAILABLE: [&str; 5] = ["08", "40", "53", "55", "57"];

impl From<sqlx::Error> for AuditError {
    fn from(error: sqlx::Error) -> Self {
        let refused = match &error {
            sqlx::Error::Database(said) => {
                let code = said.code().unwrap_or_default();
                !UNAVAILABLE.iter().any(|class| code.starts_with(class))
            }
            _ => false,
        };
        let source = error.into();
        if refused {
            Self::Refused { source }
        } else {
            Self::Database { source }
        }
    }
}

impl Problem for AuditError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Database { .. } => "database_unavailable",
            Self::Refused { .. } => "isolation_audit",
            Self::Key => "isolation_key",
            Self::OlderVersion { .. } => "isolation_older",
            Self::NewerVersion { .. } => "isolation_newer",
            Self::Prober { .. } => "isolation_probe",
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
