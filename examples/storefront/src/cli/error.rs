use std::{error::Error, io, path::PathBuf};

use tenancy_core::directory::DirectoryError;

use super::{
    client::ClientError, endpoint::EndpointError, exit::Exit, serve::ServeArgsError,
    values::InvalidCellName,
};
use crate::{
    money::MoneyError,
    platform::OpenError,
    postgres::{AdminError, FileError, InitError, InvalidCellUrl, is_away},
    serve::ServeError,
};

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum CliError {
    /// Not even a runtime could be started.
    #[error("start the runtime")]
    Runtime(#[source] io::Error),
    /// There is nothing to serve.
    #[error(transparent)]
    ServeArgs(#[from] ServeArgsError),
    /// A URL leads to no database. It is not repeated.
    #[error("an argument is no URL of a database")]
    Url(#[source] InvalidCellUrl),
    /// No cell is named so.
    #[error(transparent)]
    CellName(#[from] InvalidCellName),
    /// A cell's file cannot be used.
    #[error(transparent)]
    CellFile(#[from] FileError),
    /// A database did not become a cell.
    #[error(transparent)]
    Init(#[from] Box<InitError>),
    /// The file of a cell that was to be audited cannot be used.
    #[error(transparent)]
    Unaudited(FileError),
    /// The known findings cannot be read.
    #[error("{}", path.display())]
    Baseline {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The directory of a folder cannot be opened.
    #[error(transparent)]
    Open(#[from] Box<OpenError>),
    /// The directory of a folder refused.
    #[error(transparent)]
    Directory(#[from] Box<DirectoryError>),
    /// The platform cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// It is not known which server to talk to.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The server refused, or does not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The file to send cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file; `-` is standard input.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The amount is no amount of the order's currency.
    #[error(transparent)]
    Amount(#[from] MoneyError),
    /// The file to write cannot be written.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Something would be taken away, and nobody said `--yes`.
    #[error("nothing was changed: this would {would}; repeat it with --yes to do it")]
    Unconfirmed {
        /// What would happen.
        would: String,
    },
    /// A file was to be printed where people read.
    #[error(
        "standard output is a terminal, and this is no text; name a file or lead it to another command"
    )]
    Terminal,
    /// Standard output cannot be written.
    #[error("write to standard output")]
    Output(#[source] io::Error),
}

impl CliError {
    /// What a script is told.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Endpoint(error) => error.exit(),
            Self::Client(error) => error.exit(),
            Self::Amount(_) | Self::Terminal | Self::Unconfirmed { .. } => Exit::Usage,
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => Exit::NotFound,
            Self::CellFile(error) | Self::ServeArgs(ServeArgsError::File(error)) => of_file(error),
            Self::ServeArgs(ServeArgsError::Cells(_) | ServeArgsError::Name(_))
            | Self::Baseline { .. }
            | Self::Url(_)
            | Self::CellName(_) => Exit::Usage,
            Self::Init(error) => of_init(error),
            Self::Open(error) => of_open(error),
            Self::Directory(error) => match **error {
                DirectoryError::IncarnationMismatch { .. } => Exit::Conflict,
                _ => Exit::Failed,
            },
            Self::Serve(error) => of_serve(error),
            // The number that `tenancy-audit` has for it.
            Self::Unaudited(_) => Exit::NotFound,
            Self::Runtime(_)
            | Self::ServeArgs(ServeArgsError::Plans(_))
            | Self::Read { .. }
            | Self::Write { .. }
            | Self::Output(_) => Exit::Failed,
        }
    }

    /// What a person is told: the error and all its causes, on one line.
    pub(super) fn told(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }

    /// Whether the reader of standard output went away.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

fn of_file(error: &FileError) -> Exit {
    match error {
        FileError::NoCell { .. } | FileError::NoPlace { .. } => Exit::NotFound,
        _ => Exit::Failed,
    }
}

fn of_open(error: &OpenError) -> Exit {
    match error {
        OpenError::NoDirectory { .. } => Exit::NotFound,
        OpenError::InUse { .. } => Exit::Conflict,
        _ => Exit::Failed,
    }
}

fn of_serve(error: &ServeError) -> Exit {
    match error {
        ServeError::Open(error @ (OpenError::Postgres { .. } | OpenError::Cell { .. }))
            if is_away(error) =>
        {
            Exit::Unavailable
        }
        ServeError::Open(OpenError::Disagrees(_)) | ServeError::CellTaken { .. } => Exit::Conflict,
        ServeError::Open(OpenError::Postgres { source, .. }) if source.is_taken() => Exit::Conflict,
        _ => Exit::Failed,
    }
}

fn of_init(error: &InitError) -> Exit {
    match error {
        error if is_away(error) => Exit::Unavailable,
        InitError::Prefix(_)
        | InitError::Admin(AdminError::NotAdmin { .. } | AdminError::Encoding { .. }) => {
            Exit::Usage
        }
        InitError::Admin(AdminError::Foreign { .. })
        | InitError::Differs { .. }
        | InitError::RolesTaken { .. }
        | InitError::PasswordsUnknown { .. } => Exit::Conflict,
        InitError::File(error) => of_file(error),
        _ => Exit::Failed,
    }
}
