use crate::cli::{endpoint::OpsUrl, exit::Exit, values::IdempotencyKey};

/// Why there is no answer to a request, or not the one hoped for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(in crate::cli) enum ClientError {
    /// The HTTP client cannot be set up.
    #[error("set up the HTTP client")]
    SetUp(#[source] reqwest::Error),
    /// Nobody listens there.
    #[error("no server answers at {url}; is `storefront serve` running?")]
    Unreachable {
        /// Where.
        url: OpsUrl,
        /// What happened.
        source: reqwest::Error,
    },
    /// The request went out and no answer came: it may have been done. Repeating it does no harm.
    #[error("{url} gave no answer; it may have been done, and repeating the command does no harm")]
    Lost {
        /// Where.
        url: OpsUrl,
        /// What happened.
        source: reqwest::Error,
    },
    /// The same for a request that must carry its key when it is repeated.
    #[error(
        "{url} gave no answer; it may have been done: repeat the command with --idempotency-key {key}"
    )]
    LostWithKey {
        /// Where.
        url: OpsUrl,
        /// The request's key.
        key: IdempotencyKey,
        /// What happened.
        source: reqwest::Error,
    },
    /// The answer is a file, and it broke off.
    #[error("{url} broke the file off; repeating the command starts it anew")]
    CutOff {
        /// Where.
        url: OpsUrl,
        /// What happened.
        source: reqwest::Error,
    },
    /// The server says why not.
    #[error("{message} ({code}){}", again(key.as_ref()))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable name of the reason.
        code: String,
        /// The reason in words.
        message: String,
        /// The whole answer.
        json: String,
        /// The key with which the request should be repeated, when a repetition may have another end.
        key: Option<IdempotencyKey>,
    },
    /// Something else than a storefront's operator API answered.
    #[error(
        "what answers at {url} is no operator API that this program knows: status {status}, {why}"
    )]
    Foreign {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What is odd about the answer.
        why: String,
    },
}

impl ClientError {
    /// The error of a request that had this key.
    pub(super) fn with_key(self, key: &IdempotencyKey) -> Self {
        match self {
            Self::Lost { url, source } => Self::LostWithKey {
                url,
                key: key.clone(),
                source,
            },
            Self::Refused {
                status,
                code,
                message,
                json,
                key: None,
            } if Exit::of_status(status) == Exit::Unavailable => Self::Refused {
                status,
                code,
                message,
                json,
                key: Some(key.clone()),
            },
            error => error,
        }
    }

    pub(in crate::cli) const fn exit(&self) -> Exit {
        match self {
            Self::Unreachable { .. }
            | Self::Lost { .. }
            | Self::LostWithKey { .. }
            | Self::CutOff { .. } => Exit::Unavailable,
            Self::Refused { status, .. } => Exit::of_status(*status),
            // A gateway in front that cannot reach the server does not speak the API.
            Self::Foreign {
                status: 502..=504, ..
            } => Exit::Unavailable,
            Self::SetUp(_) | Self::Foreign { .. } => Exit::Failed,
        }
    }
}

fn again(key: Option<&IdempotencyKey>) -> String {
    key.map_or_else(String::new, |key| {
        format!("; repeat the command with --idempotency-key {key}")
    })
}
