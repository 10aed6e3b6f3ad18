use std::{borrow::Cow, io, net::SocketAddr, path::PathBuf};

use tenancy_types::{Code, Kind, Problem, Retry};

/// Why a process could not take over, or not begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandoverError {
    /// The path of the handover cannot be used.
    #[error("the handover at {}", path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Somebody else's process offers there.
    #[error("the handover at {} is a process's of user {uid}, this one is user {ours}", path.display())]
    Stranger {
        /// The path.
        path: PathBuf,
        /// Whose process offers there.
        uid: u32,
        /// The user of this process.
        ours: u32,
    },
    /// What offers there speaks another language, or a version that is not known here.
    #[error("what is said at {} is no handover that is known here", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
    },
    /// The conversation broke off, each time it was tried.
    #[error("the conversation at {}", path.display())]
    BrokenOff {
        /// The path.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The process that runs did not answer in time: it is stopped, or in the middle of another handover.
    #[error("no answer at {} in time", path.display())]
    TimedOut {
        /// The path.
        path: PathBuf,
    },
    /// This process was not ready in time. The one that runs goes on.
    #[error("not ready in time, the process at {} goes on", path.display())]
    Withdrawn {
        /// The path.
        path: PathBuf,
    },
    /// An address could not be listened on.
    #[error("listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// More addresses than can be handed over.
    #[error("more than {most} addresses to listen on")]
    TooMany {
        /// The limit.
        most: usize,
    },
}

impl Problem for HandoverError {
    fn code(&self) -> Code {
        Code::new("handover_failed")
    }

    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn retry(&self) -> Retry {
        Retry::No
    }

    fn client_text(&self) -> Cow<'static, str> {
        "something went wrong on our side".into()
    }
}
