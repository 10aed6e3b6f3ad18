use std::io;
use std::path::PathBuf;

/// Why a private server is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program is not installed.
    #[error(
        "{what} not found on this machine; get it with: {how} (for this repository's tests, `cargo xtask test --install`)"
    )]
    Missing {
        /// The program, in a person's words.
        what: &'static str,
        /// A command or a place that provides it.
        how: &'static str,
    },
    /// A program ran and did not do what was asked.
    #[error("{what} failed: {report}")]
    Failed {
        /// The program.
        what: &'static str,
        /// What it printed.
        report: String,
    },
    /// A variable of the environment chooses programs that cannot be used.
    #[error("{variable} is {}: {why}", path.display())]
    Unusable {
        /// The variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The folder for the servers belongs to somebody else, who could read and change what is in it.
    #[error("folder {} belongs to user id {owner}, not to {expected}", path.display())]
    ForeignFolder {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Whose it should be.
        expected: u32,
    },
    /// The operating system refused something.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: String,
        /// Its answer.
        source: io::Error,
    },
    /// The browser's driver refused a session.
    #[cfg(feature = "browser")]
    #[error("open a browser session")]
    Session {
        /// Its answer.
        source: Box<fantoccini::error::NewSessionError>,
    },
    /// The browser refused a command.
    #[cfg(feature = "browser")]
    #[error("drive the browser")]
    Browser {
        /// Its answer.
        source: Box<fantoccini::error::CmdError>,
    },
}

impl Error {
    /// Puts what was being done beside an operating system's error.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

/// An error and everything below it, for a person at a terminal.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", with_causes(source)),
        None => error.to_string(),
    }
}
