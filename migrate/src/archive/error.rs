use std::{borrow::Cow, io};

use tenancy_core::db::DbError;
use tenancy_types::{Code, Kind, Lifecycle, Problem, Retry};

/// Why an archive could not be made, opened or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file is no archive, or is damaged. Nothing was written anywhere.
    #[error("{entry}{}: {flaw}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Invalid {
        /// The entry in which it was found.
        entry: Box<str>,
        /// The line of a table, counted from 1.
        line: Option<u64>,
        /// What is wrong.
        flaw: Flaw,
    },
    /// The archive was made from another version of the schema. Nothing was written.
    #[error("the archive is of schema version {found}, this cell has {expected}")]
    SchemaVersion {
        /// The cell's.
        expected: u32,
        /// The archive's.
        found: u32,
    },
    /// The archive has other tables than the cell. Nothing was written.
    #[error("the archive's tables are ({}), the cell's ({})", found.join(", "), expected.join(", "))]
    Tables {
        /// The cell's, by name.
        expected: Vec<Box<str>>,
        /// The archive's, by name.
        found: Vec<Box<str>>,
    },
    /// A table has other columns in the archive than in the cell, or in another order. Nothing was written.
    #[error(
        "the archive's table {table} has columns ({}), the cell's ({})",
        found.join(", "), expected.join(", ")
    )]
    Columns {
        /// The table.
        table: Box<str>,
        /// The cell's, in their order.
        expected: Vec<Box<str>>,
        /// The archive's, in theirs.
        found: Vec<Box<str>>,
    },
    /// Archives are loaded into tenants that are being provisioned, so that nobody sees half of one.
    #[error("an archive is not loaded into a tenant that is {lifecycle}")]
    NotProvisioning {
        /// The lifecycle.
        lifecycle: Lifecycle,
    },
    /// The tenant has rows that are not the archive's, or another loader is at work.
    #[error("table {table} has rows that this load did not write")]
    Occupied {
        /// The table.
        table: Box<str>,
    },
    /// A row has a value that JSON cannot say, or is longer than an archive can have.
    #[error("a row of table {table} cannot be archived: {flaw}")]
    Unfit {
        /// The table.
        table: Box<str>,
        /// Why.
        flaw: Flaw,
    },
    /// What the application says about the tenant is no JSON object.
    #[error("what is said about the tenant is no JSON object")]
    About,
    /// A file could not be read or written.
    #[error("{doing}")]
    File {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The cell's database did not do what was asked.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// What is wrong with an archive at a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// It ends too early.
    #[error("the file ends before it")]
    Missing,
    /// There is another entry in its place.
    #[error("entry {found:?} is in its place")]
    Misplaced {
        /// The entry that is there.
        found: Box<str>,
    },
    /// It is a link, a folder or something else that an archive does not have.
    #[error("it is no plain file")]
    NotAFile,
    /// What is there cannot be read as tar.
    #[error("the tar file is damaged: {reason}")]
    NotTar {
        /// Why not.
        reason: Box<str>,
    },
    /// It is longer or shorter than it should be.
    #[error("it has {found} bytes, not {expected}")]
    Size {
        /// What it should have.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// It is longer than this program reads.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// How long it may be, in bytes.
        limit: u64,
    },
    /// The last line of a table is not whole.
    #[error("it does not end with a line feed")]
    Unended,
    /// Its content is another than the one that was written.
    #[error("its checksum is not the one that was written down")]
    Checksum,
    /// It has more or fewer rows than the manifest says.
    #[error("it has {found} rows, not {expected}")]
    Rows {
        /// What it should have.
        expected: u64,
        /// What it has.
        found: u64,
    },
    /// It is not the JSON that belongs there.
    #[error("{reason}")]
    Json {
        /// What is wrong and where.
        reason: Box<str>,
    },
    /// It is of a version that this program does not read.
    #[error("it is of format {found}, this program reads format {expected}")]
    Format {
        /// What this program reads.
        expected: u32,
        /// What it is.
        found: u32,
    },
    /// A value is none that it can be.
    #[error("{field} cannot be {found:?}")]
    Value {
        /// What it is a value of.
        field: Box<str>,
        /// The value.
        found: Box<str>,
    },
    /// More follows where it should end.
    #[error("something follows it")]
    Trailing,
}

impl Flaw {
    pub(super) fn at(self, entry: &str) -> ArchiveError {
        let entry = entry.into();
        ArchiveError::Invalid {
            entry,
            line: None,
            flaw: self,
        }
    }

    pub(super) fn at_line(self, entry: &str, line: u64) -> ArchiveError {
        ArchiveError::Invalid {
            entry: entry.into(),
            line: Some(line),
            flaw: self,
        }
    }

    pub(super) fn json(error: &serde_json::Error) -> Self {
        let reason = error.to_string().into();
        Self::Json { reason }
    }

    /// In the only line of a text: what is said of lines is left out, since an error has its own.
    pub(super) fn json_line(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let said = text
            .rsplit_once(" at line ")
            .map_or(&*text, |(said, _)| said);
        let reason = format!("{said}, at column {}", error.column()).into();
        Self::Json { reason }
    }
}

impl ArchiveError {
    pub(super) const fn file(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { doing, source }
    }
}

impl Problem for ArchiveError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } => Code::new("archive_invalid"),
            Self::SchemaVersion { .. } | Self::Tables { .. } | Self::Columns { .. } => {
                Code::new("archive_mismatch")
            }
            Self::NotProvisioning { .. } | Self::Occupied { .. } => Code::new("archive_not_wanted"),
            Self::Unfit { .. } => Code::new("archive_impossible"),
            Self::About | Self::File { .. } => Code::new("internal"),
            Self::Database(error) => error.code(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. } => Kind::Invalid,
            Self::SchemaVersion { .. }
            | Self::Tables { .. }
            | Self::Columns { .. }
            | Self::NotProvisioning { .. }
            | Self::Occupied { .. } => Kind::Conflict,
            Self::Unfit { .. } | Self::About | Self::File { .. } => Kind::Internal,
            Self::Database(error) => error.kind(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Database(error) => error.retry(),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Invalid { .. } | Self::SchemaVersion { .. } => self.to_string().into(),
            Self::Tables { .. } | Self::Columns { .. } => {
                "the archive has other tables or columns than there are here".into()
            }
            Self::NotProvisioning { .. } | Self::Occupied { .. } => {
                "the tenant is in use, an archive is loaded into a new one".into()
            }
            Self::Unfit { .. } | Self::About | Self::File { .. } => {
                "something went wrong on our side".into()
            }
            Self::Database(error) => error.client_text(),
        }
    }
}
