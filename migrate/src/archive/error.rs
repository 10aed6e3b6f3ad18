use std::{borrow::Cow, io};

use tenancy_core::db::{BrokenConstraint, DbError};
use tenancy_types::{Code, Kind, Lifecycle, Problem, Retry};

use super::clip::{clip, clip_sentence};

/// Why an archive could not be made, opened or loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The file is no archive, or is damaged. Nothing was written anywhere, but for a row that does not go with
    /// the others: the lines before it were.
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
    #[error(
        "the archive's tables are ({}), the cell's ({})",
        clip(&found.join(", ")), clip(&expected.join(", "))
    )]
    Tables {
        /// The cell's, by name.
        expected: Vec<Box<str>>,
        /// The archive's, by name.
        found: Vec<Box<str>>,
    },
    /// A table has other columns in the archive than in the cell, or in another order. Nothing was written.
    #[error(
        "the archive's table {table} has columns ({}), the cell's ({})",
        clip(&found.join(", ")), clip(&expected.join(", "))
    )]
    Columns {
        /// The table.
        table: Box<str>,
        /// The cell's, in their order.
        expected: Vec<Box<str>>,
        /// The archive's, in theirs.
        found: Vec<Box<str>>,
    },
    /// A value cannot be kept in its column here. Nothing was written.
    #[error(
        "line {line} of the archive's table {table} has a value in column {column} that is no {expected}"
    )]
    Value {
        /// The table.
        table: Box<str>,
        /// The line, counted from 1.
        line: u64,
        /// The column.
        column: Box<str>,
        /// What it takes.
        expected: &'static str,
    },
    /// A table is its own parent, so that the order of its key need not be one in which it can be written.
    /// Nothing was written.
    #[error("table {table} is its own parent, and such a table cannot be loaded")]
    OwnParent {
        /// The table.
        table: Box<str>,
    },
    /// There is no file of that name.
    #[error("there is no such archive")]
    Missing,
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
    /// Its key, or another value that one row alone may have, is that of a line before it.
    #[error("a line before it has its key")]
    Repeated,
    /// It does not keep a rule of the schema.
    #[error("it {broken}")]
    Constraint {
        /// Which rule.
        broken: BrokenConstraint,
    },
    /// The application cannot read the rows, or what they say cannot be.
    #[error("{reason}")]
    Senseless {
        /// Why, in the application's words.
        reason: Box<str>,
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
        let (line, column) = (error.line(), error.column());
        let said = clip_sentence(&said(error));
        let reason = format!("{said} at line {line} column {column}").into();
        Self::Json { reason }
    }

    /// In the only line of a text: what is said of lines is left out, since an error has its own.
    pub(super) fn json_line(error: &serde_json::Error) -> Self {
        let said = clip_sentence(&said(error));
        let reason = format!("{said}, at column {}", error.column()).into();
        Self::Json { reason }
    }
}

/// What an error says without the place.
fn said(error: &serde_json::Error) -> String {
    let mut text = error.to_string();
    if let Some(end) = text.rfind(" at line ") {
        text.truncate(end);
    }
    text
}

impl ArchiveError {
    /// Whether this archive can never be loaded there: it is missing, damaged, or not of the schema. With any
    /// other error it may be, later.
    #[must_use]
    pub const fn is_verdict(&self) -> bool {
        matches!(
            self,
            Self::Missing
                | Self::Invalid { .. }
                | Self::SchemaVersion { .. }
                | Self::Tables { .. }
                | Self::Columns { .. }
                | Self::Value { .. }
                | Self::OwnParent { .. }
        )
    }

    pub(super) const fn file(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File { doing, source }
    }
}

impl Problem for ArchiveError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } => Code::new("archive_invalid"),
            Self::SchemaVersion { .. }
            | Self::Tables { .. }
            | Self::Columns { .. }
            | Self::Value { .. } => Code::new("archive_mismatch"),
            Self::Missing => Code::new("archive_missing"),
            Self::NotProvisioning { .. } | Self::Occupied { .. } => Code::new("archive_not_wanted"),
            Self::Unfit { .. } | Self::OwnParent { .. } => Code::new("archive_impossible"),
            Self::About | Self::File { .. } => Code::new("internal"),
            Self::Database(error) => error.code(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. } => Kind::Invalid,
            Self::Missing => Kind::NotFound,
            Self::SchemaVersion { .. }
            | Self::Tables { .. }
            | Self::Columns { .. }
            | Self::Value { .. }
            | Self::NotProvisioning { .. }
            | Self::Occupied { .. } => Kind::Conflict,
            Self::Unfit { .. } | Self::OwnParent { .. } | Self::About | Self::File { .. } => {
                Kind::Internal
            }
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
            Self::Invalid { .. }
            | Self::SchemaVersion { .. }
            | Self::Value { .. }
            | Self::Missing => self.to_string().into(),
            Self::Tables { .. } | Self::Columns { .. } => {
                "the archive has other tables or columns than there are here".into()
            }
            Self::NotProvisioning { .. } | Self::Occupied { .. } => {
                "the tenant is in use, an archive is loaded into a new one".into()
            }
            Self::Unfit { .. } | Self::OwnParent { .. } | Self::About | Self::File { .. } => {
                "something went wrong on our side".into()
            }
            Self::Database(error) => error.client_text(),
        }
    }
}
