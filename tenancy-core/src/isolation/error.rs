use std::{borrow::Cow, error::Error, time::Duration};

use tenancy_types::{Code, Kind, Problem, Retry};

/// Why a cell was not isolated. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
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
    /// Something of others stands where the isolation's own objects go. Reading it could run their code with
    /// the administrator's rights.
    #[error("in the place of the isolation's own there is {found}")]
    Strangers {
        /// The first of them, with its owner.
        found: Box<str>,
    },
    /// A declared table is not there.
    #[error("there is no table {table}")]
    MissingTable {
        /// The table with its schema.
        table: Box<str>,
    },
    /// A declared column is not there.
    #[error("table {table} has no column {column}")]
    MissingColumn {
        /// The table with its schema.
        table: Box<str>,
        /// The column.
        column: Box<str>,
    },
    /// A tenant's column takes null, which is nobody's, or a column of the key, by which no row is found then.
    #[error("column {column} of table {table} takes null")]
    NullableColumn {
        /// The table with its schema.
        table: Box<str>,
        /// The column.
        column: Box<str>,
    },
    /// A tenant's column is of another type than declared.
    #[error("column {column} of table {table} is {found}, declared as {expected}")]
    ColumnType {
        /// The table with its schema.
        table: Box<str>,
        /// The tenant's column.
        column: Box<str>,
        /// The type it has.
        found: Box<str>,
        /// The declared one.
        expected: &'static str,
    },
    /// A table has no primary key, or one that does not start with the tenant's column.
    #[error("the primary key of table {table} does not start with {column}")]
    KeyOrder {
        /// The table with its schema.
        table: Box<str>,
        /// The tenant's column.
        column: Box<str>,
    },
    /// A table has no unique key of exactly the tenant's column and the declared key that is checked at once: no
    /// such primary key, or none beside the one that it keeps.
    #[error("table {table} has no unique key of {columns}")]
    MissingUnique {
        /// The table with its schema.
        table: Box<str>,
        /// The columns.
        columns: Box<str>,
    },
    /// A table is declared as partitioned and is not, or not by a hash of the tenant's column alone.
    #[error("table {table} is not partitioned by hash of {column}")]
    NotPartitioned {
        /// The table with its schema.
        table: Box<str>,
        /// The tenant's column.
        column: Box<str>,
    },
    /// The cell knows another secret by this id, with which seals are made now.
    #[error("the cell knows another key of the id {id}")]
    KeyDiffers {
        /// The key's id.
        id: Box<str>,
    },
    /// The key was retired. Whoever knows it still would be let in again.
    #[error("the key {id} was retired")]
    KeyEnded {
        /// The key's id.
        id: Box<str>,
    },
    /// The database refused one of the statements.
    #[error("install {statement}")]
    Statement {
        /// The statement's name.
        statement: Box<str>,
        /// What the driver said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The database could not be reached, or refused a question about what it has.
    #[error("ask the database")]
    Database {
        /// What the driver said.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl From<sqlx::Error> for InstallError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database {
            source: error.into(),
        }
    }
}

impl Problem for InstallError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::NewerVersion { .. } => "isolation_newer",
            Self::Strangers { .. } => "isolation_strangers",
            Self::MissingTable { .. }
            | Self::MissingColumn { .. }
            | Self::NullableColumn { .. }
            | Self::ColumnType { .. }
            | Self::KeyOrder { .. }
            | Self::MissingUnique { .. }
            | Self::NotPartitioned { .. } => "isolation_schema",
            Self::KeyDiffers { .. } | Self::KeyEnded { .. } => "isolation_key_taken",
            Self::Statement { .. } => "isolation_refused",
            Self::Database { .. } => "database_unavailable",
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
