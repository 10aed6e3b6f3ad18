use std::{borrow::Cow, error::Error, time::Duration};

use tenancy_types::{Code, Kind, Problem, RequestKey, Retry};

/// Why the journal did not take or give an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The number is not the next one: another runner has taken it. Read the entries again.
    #[error("entry {number} of workflow {key:?} is not the next one")]
    Conflict {
        /// The workflow.
        key: RequestKey,
        /// The number that was wanted.
        number: u32,
    },
    /// What is stored makes no sense.
    #[error("the journal holds a key that is none: {found:?}")]
    BadKey {
        /// The key.
        found: String,
    },
    /// The journal's own tables could not be made ready.
    #[cfg(feature = "sqlite")]
    #[error("the journal's tables are not ready")]
    Schema(#[from] crate::SchemaError),
    /// The journal could not be reached. Whether an entry was taken is open: read the entries again.
    #[error("the journal could not be reached")]
    Unavailable {
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl Problem for JournalError {
    fn code(&self) -> Code {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Schema(error) => error.code(),
            _ => Code::new("journal_unavailable"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Schema(error) => error.kind(),
            Self::BadKey { .. } => Kind::Internal,
            _ => Kind::Unavailable,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Schema(error) => error.retry(),
            Self::Conflict { .. } => Retry::Now,
            Self::Unavailable { .. } => Retry::After(Duration::from_secs(1)),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        "the service is not available right now".into()
    }
}
