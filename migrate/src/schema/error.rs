use std::{borrow::Cow, error::Error, time::Duration};

use tenancy_types::{Code, Kind, Problem, Retry};

use super::Checksum;

/// Versions that make no [`Schema`](super::Schema).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSchema {
    /// The numbers are not 1, 2, 3 and so on.
    #[error("version {expected} of the schema is missing, {found} stands in its place")]
    Number {
        /// The number that should stand there.
        expected: u32,
        /// The one that does.
        found: u32,
    },
    /// A name is empty, too long or has another character.
    #[error("the name of version {version} must be 1 to 64 of a-z, 0-9, _ and -, not {found:?}")]
    Name {
        /// The version.
        version: u32,
        /// Its name.
        found: &'static str,
    },
    /// A version does nothing on one of the databases.
    #[error("version {version} has no text for one of the databases")]
    Blank {
        /// The version.
        version: u32,
    },
}

/// Why a cell's schema could not be brought up to date. What was applied before stays applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// A row is missing in the cell's journal.
    #[error("the journal lacks version {expected}, its next row is version {found}")]
    Gap {
        /// The version that should come next.
        expected: u32,
        /// The one that does.
        found: u32,
    },
    /// A version was changed after it had been applied.
    #[error(
        "version {version} was changed after it was applied: {applied_as} was {found}, {now} is {expected}"
    )]
    Changed {
        /// The version.
        version: u32,
        /// Its name in the journal.
        applied_as: String,
        /// Its name in the schema.
        now: &'static str,
        /// Its checksum in the journal.
        found: Checksum,
        /// Its checksum in the schema.
        expected: Checksum,
    },
    /// The cell is ahead: a newer program was here.
    #[error("the cell is at version {found}, the newest that is known here is {known}")]
    Newer {
        /// The cell's version.
        found: u32,
        /// The newest of the schema.
        known: usize,
    },
    /// A version was begun outside a transaction and not finished. A person must look at what it left.
    #[error("version {version} was begun and not finished")]
    Interrupted {
        /// The version.
        version: u32,
    },
    /// A row of the journal makes no sense.
    #[error("the journal's row for version {version} has {what} {found:?}")]
    BadRow {
        /// Its version, as stored.
        version: i64,
        /// Which column.
        what: &'static str,
        /// What stands there.
        found: String,
    },
    /// Another runner, or a statement of the application, held a lock for too long. Nothing was changed.
    #[error("waited too long for a lock in {doing}")]
    Busy {
        /// In which statement.
        doing: Doing,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The text of a version ended the transaction it ran in, so that it may be applied in part.
    #[error("version {version} ends its transaction, remove BEGIN, COMMIT and the like")]
    LeftTransaction {
        /// The version.
        version: u32,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database could not be reached, or refused a statement.
    #[error("database error in {doing}")]
    Database {
        /// In which statement.
        doing: Doing,
        /// What the database said.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// What a runner was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doing {
    /// Connecting, locking, or reading and writing the journal.
    Journal,
    /// The text of this version.
    Version(u32),
}

impl std::fmt::Display for Doing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Journal => f.write_str("the journal"),
            Self::Version(number) => write!(f, "version {number}"),
        }
    }
}

impl Problem for SchemaError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Newer { .. } => "schema_newer",
            Self::Busy { .. } => "schema_busy",
            Self::Database { .. } => "schema_failed",
            Self::Gap { .. }
            | Self::Changed { .. }
            | Self::Interrupted { .. }
            | Self::BadRow { .. }
            | Self::LeftTransaction { .. } => "schema_drift",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Busy { .. } | Self::Database { .. } => Kind::Unavailable,
            _ => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Busy { .. } => Retry::After(Duration::from_secs(1)),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        "the service is being updated".into()
    }
}
