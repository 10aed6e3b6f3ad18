use std::{io, path::PathBuf};

use super::error::Source;

/// Why a cell cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has the cell's file open.
    #[error("{} is in use by {holder}", path.display())]
    InUse {
        /// The cell's file.
        path: PathBuf,
        /// Who has it.
        holder: Box<str>,
    },
    /// The lock file could not be made or locked.
    #[error("lock {}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The database could not be opened.
    #[error("open the cell's database")]
    Connect {
        /// What the driver said.
        source: Source,
    },
    /// The fences of a Postgres cell cannot be read as the mover.
    #[error("read the cell's fences as its mover")]
    Mover {
        /// Why not.
        source: Box<super::DbError>,
    },
    /// What was given as a replica is none of the cell's database, or is reached as another role.
    #[error("follow {expected} at a replica: there is {found}")]
    NotItsReplica {
        /// Database, cluster and role of the cell.
        expected: Box<str>,
        /// What is there.
        found: Box<str>,
    },
    /// A part of the cell is of a version that this program does not know, or is not there. A newer one needs a
    /// newer program, an older one the installation of this program's.
    #[error("the cell's {part} is of version {}, this program knows {known}", version(*found))]
    Format {
        /// `fence` or `isolation`.
        part: &'static str,
        /// The cell's.
        found: Option<i64>,
        /// The program's.
        known: i64,
    },
    /// The schema is not the manifest's.
    #[cfg(feature = "sqlite")]
    #[error("the cell's schema differs from the manifest: {}", list(findings))]
    Schema {
        /// Every difference.
        findings: Vec<super::SchemaFinding>,
    },
}

fn version(found: Option<i64>) -> String {
    found.map_or("none".to_owned(), |found| found.to_string())
}

#[cfg(feature = "sqlite")]
fn list(findings: &[super::SchemaFinding]) -> String {
    let texts: Vec<String> = findings.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

impl OpenError {
    #[cfg(feature = "postgres")]
    pub(super) fn mover(error: super::DbError) -> Self {
        Self::Mover {
            source: Box::new(error),
        }
    }
}

impl From<sqlx::Error> for OpenError {
    fn from(error: sqlx::Error) -> Self {
        Self::Connect {
            source: error.into(),
        }
    }
}
